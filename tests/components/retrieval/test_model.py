"""Losses and training of the two-tower model on data small enough to think through."""

from __future__ import annotations

import dataclasses
import tempfile
import types

import numpy as np
import pytest
import tensorflow as tf

from components.errors import InputError
from components.examples import AskedUsers, MarkedRows, RaggedRows, UserSequences
from components.features import TRAIN_PART
from components.retrieval import model as model_module
from components.retrieval.building import build
from components.retrieval.config import RetrievalConfig
from components.retrieval.content import UNKNOWN_SLOT, item_content
from components.retrieval.exact_search import last_rows, ndcg, ndcg_of_sums
from components.retrieval.fitting import fit, refit
from components.retrieval.judging import METRIC
from components.retrieval.losses.cross_entropy import mask_rows
from components.retrieval.losses.in_batch_softmax import InBatchSoftmax
from components.retrieval.penalty import Gathered
from components.retrieval.training_data import TrainingData, chosen_loss, training_data
from components.retrieval.weights import tables_of
from components.training.phases import seeing
from components.training.training_log import TrainingLog
from components.training.warm_start import Start, weights_path, write_weights
from tests.components.transform.small_content import standard_content, standard_features

ITEMS = 12


def ragged(lists):
    flat = [row for one in lists for row in one]
    splits = np.cumsum([0] + [len(one) for one in lists]).astype(np.int64)
    return RaggedRows(row_splits=splits, rows=np.array(flat, np.int32), timestamps=np.arange(1, len(flat) + 1))


def cycling_data(min_ratings=1) -> TrainingData:
    """Users walk in a circle: after item i comes i + 1. Item 11 has no training rows."""
    circle = ITEMS - 1
    walks = [[(start + step) % circle for step in range(8)] for start in range(circle)] * 3
    nexts = [[(walk[-1] + 1) % circle] for walk in walks]
    counts = np.bincount([row for walk in walks for row in walk], minlength=ITEMS)
    items = standard_features(
        [*range(circle), circle],  # 11 is the unknown index
        genres=[[i % 2] for i in range(ITEMS)],
        eras=[19] * ITEMS,
        words=[[0] if i < 4 else [] for i in range(ITEMS)],
    )
    content = item_content(standard_content(items, genres=2, words=1), counts, min_ratings)
    return TrainingData(
        content=content,
        items=content.of(items),
        counts=counts,
        sequences=ragged(walks),
        marked=AskedUsers(histories=ragged(walks), left_out=ragged(walks), held_out=ragged(nexts)),
    )


@pytest.mark.parametrize("loss", ["full_softmax", "in_batch_softmax"])
def test_training_learns_what_comes_next(loss):
    data = cycling_data()
    config = RetrievalConfig(
        embedding_dim=8,
        loss=loss,
        epochs=60,
        eval_every=5,
        patience=60,
        batch_size=32,
        targets=1,
        cuts_per_user=4,
        l2=1e-5,
    )
    log = TrainingLog(METRIC, epochs=60, higher_is_better=True)
    (model,) = fit(config, data, log)
    tables, candidates = model.embed_catalogue()
    walk = tf.constant([[9, 10, 0, 1, 2, 3, 4, 5]])
    scores = tf.matmul(model.query_tower(walk, tables), candidates, transpose_b=True)
    assert int(tf.argmax(mask_rows(scores, walk), axis=1)[0]) == 6
    assert max(entry.get("eval_ndcg@100", 0) for entry in log.as_dict()["epochs"]) > 0.8


def test_the_best_epoch_is_kept():
    data = cycling_data()
    config = RetrievalConfig(embedding_dim=4, epochs=6, eval_every=1, patience=6, learning_rate=0.5, batch_size=16)
    log = TrainingLog(METRIC, epochs=6, higher_is_better=True)
    (model,) = fit(dataclasses.replace(config, seed=2), data, log)
    tables, candidates = model.embed_catalogue()
    reached = ndcg(lambda h, _: model.query_tower(h, tables), candidates, data.marked, 100, 200, 5_000)
    assert reached == pytest.approx(max(entry["eval_ndcg@100"] for entry in log.as_dict()["epochs"]))


def test_a_refit_runs_so_many_epochs_without_eval_rows_and_keeps_the_last_averages():
    unjudged = dataclasses.replace(cycling_data(), marked=None)
    config = RetrievalConfig(embedding_dim=4, epochs=75, eval_every=2, patience=1, batch_size=16, averaging=0.0)
    log = TrainingLog(METRIC, epochs=75, higher_is_better=True)
    log.begin_refit()
    (model,) = refit(config, unjudged, [5], log)
    assert [entry["epoch"] for entry in log.as_dict()["epochs"]] == [1, 2, 3, 4, 5]
    assert log.best_epoch() == 0
    # The same seed and as many epochs, the last of which happens to be the best: the same weights.
    plain = TrainingLog(METRIC, epochs=5, higher_is_better=True)
    (fitted,) = fit(dataclasses.replace(config, epochs=5, eval_every=5), cycling_data(), plain)
    for one, other in zip(model.trainable_variables, fitted.trainable_variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_items_of_the_history_get_probability_zero():
    logits = tf.constant([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    softmax = tf.nn.softmax(mask_rows(logits, tf.constant([[2, -1], [-1, -1]]))).numpy()
    assert softmax[0, 2] == 0
    assert softmax[0, 1] / softmax[0, 0] == pytest.approx(np.e)
    assert softmax[1] == pytest.approx(np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum())


def batch(history, targets, weights=None):
    """A batch of training rows; without weights every target counts 1."""
    targets = tf.reshape(tf.constant(targets, tf.int32), [len(history), -1])
    weights = tf.cast(targets >= 0, tf.float32) if weights is None else tf.constant(weights, tf.float32)
    return {"history": tf.constant(history), "targets": targets, "weights": weights}


@pytest.mark.parametrize(("decay", "weights"), [(0.0, [1 / 2, 1 / 2]), (1.0, [2 / 3, 1 / 3])])  # 1 and 1/2, over 3/2
def test_the_full_softmax_loss_is_the_weighted_mean_of_the_targets_cross_entropy(decay, weights):
    data = cycling_data()
    config = RetrievalConfig(embedding_dim=4, l2=0.0, item_dropout=0.0, loss="full_softmax", target_decay=decay)
    model = build(config, data, 3)
    history = [[-1, 0, 1]]
    logits = catalogue_logits(model, history)[0]
    others = np.delete(np.arange(ITEMS), [0, 1])
    expected = np.log(np.exp(logits[others]).sum()) - logits[[2, 5]] @ weights
    loss = model.compute_loss(batch(history, [[2, 5, -1]])).numpy()
    assert loss == pytest.approx(expected, rel=1e-5)


def catalogue_logits(model, history):
    tables, candidates = model.embed_catalogue()
    return model.query_tower(tf.constant(history), tables).numpy() @ candidates.numpy().T


def test_a_row_that_counts_more_weighs_more_in_the_loss():
    config = RetrievalConfig(embedding_dim=4, l2=0.0, item_dropout=0.0, loss="full_softmax", target_decay=0.0)
    model = build(config, cycling_data(), 3)
    logits = catalogue_logits(model, [[0, 1]])[0]
    others = np.delete(np.arange(ITEMS), [0, 1])
    losses = np.log(np.exp(logits[others]).sum()) - logits[[2, 5]]
    loss = model.compute_loss(batch([[0, 1]], [[2, 5]], [[3.0, 0.5]])).numpy()
    assert loss == pytest.approx((3 * losses[0] + 0.5 * losses[1]) / 2, rel=1e-5)


@pytest.mark.parametrize("repeats", [False, True])
def test_what_was_had_before_is_a_candidate_only_where_lists_may_repeat_it(repeats):
    # 1 is in the history and comes again, 5 is new.
    config = RetrievalConfig(embedding_dim=4, l2=0.0, item_dropout=0.0, loss="full_softmax", target_decay=0.0)
    model = build(config, dataclasses.replace(cycling_data(), repeats=repeats), 3)
    logits = catalogue_logits(model, [[0, 1]])[0]
    everything = np.log(np.exp(logits).sum())
    unseen = np.log(np.exp(np.delete(logits, [0, 1])).sum())
    expected = everything - logits[[1, 5]].mean() if repeats else (unseen - logits[5]) / 2
    loss = model.compute_loss(batch([[0, 1]], [[1, 5]])).numpy()
    assert loss == pytest.approx(expected, rel=1e-5)


def in_batch(**settings):
    settings = {"embedding_dim": 4, "l2": 0.0, "item_dropout": 0.0, "loss": "in_batch_softmax", **settings}
    return RetrievalConfig(**settings)


def log_q(items, counts, targets, drawn):
    """log of 1 - exp(-n) for items that so many targets and so many drawn ones name n times in the mean."""
    frequencies = np.maximum(counts, 1) / counts.sum()
    return np.log(1 - np.exp(-(targets * frequencies[items] + drawn / ITEMS)))


@pytest.mark.parametrize("repeats", [False, True])
def test_the_in_batch_loss_is_a_softmax_over_what_the_batch_names_corrected_for_popularity(repeats):
    data = dataclasses.replace(cycling_data(), repeats=repeats)
    model = build(in_batch(targets=2, negatives=0), data, 3)
    history, targets = [[0], [3], [4]], [[1, 2], [4, 7], [1, -1]]  # item 1 twice, and 4 is a history, too
    tables, candidates = model.embed_catalogue()
    queries = model.query_tower(tf.constant(history), tables).numpy()

    items = np.array([1, 2, 4, 7])
    logits = queries @ candidates.numpy()[items].T - log_q(items, data.counts, targets=5, drawn=0)
    if not repeats:
        logits[2, 2] = -np.inf  # what a row has had is no candidate of its own
    surprise = np.log(np.exp(logits).sum(axis=1, keepdims=True)) - logits
    first, second = surprise[[0, 1, 2], [0, 2, 0]], surprise[[0, 1], [1, 3]]
    expected = (first @ [2 / 3, 2 / 3, 1] + second @ [1 / 3, 1 / 3]) / 3  # 1 and 1/2, over their sum
    loss = model.compute_loss(batch(history, targets)).numpy()
    assert loss == pytest.approx(expected, rel=1e-4)
    weighed = (2 * first @ [2 / 3, 2 / 3, 1] + second @ [1 / 3, 4 / 3]) / 3
    loss = model.compute_loss(batch(history, targets, [[2, 1], [2, 4], [2, 0]])).numpy()
    assert loss == pytest.approx(weighed, rel=1e-4)


def test_drawn_items_are_candidates_of_every_row_and_logq_knows_how_likely_they_are():
    data = cycling_data()
    model = build(in_batch(targets=1, negatives=5), data, 3)
    history, targets = [[0], [3]], [[1], [4]]
    tf.random.set_seed(7)
    drawn = tf.random.uniform([5], 0, ITEMS, tf.int32).numpy()
    tables, candidates = model.embed_catalogue()
    queries = model.query_tower(tf.constant(history), tables).numpy()
    items = np.array(list(dict.fromkeys([1, 4, *drawn])))  # each once, the targets first
    logits = queries @ candidates.numpy()[items].T - log_q(items, data.counts, targets=2, drawn=5)
    for row, had in enumerate([0, 3]):
        logits[row, items == had] = -np.inf
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], [0, 1]])
    tf.random.set_seed(7)
    assert model.compute_loss(batch(history, targets)).numpy() == pytest.approx(expected, rel=1e-4)


def test_the_in_batch_loss_comes_to_the_full_softmax_where_everything_is_drawn():
    sampled = build(in_batch(targets=1, negatives=2_000), cycling_data(), 3)
    whole = build(in_batch(targets=1, loss="full_softmax"), cycling_data(), 3)
    rows = batch([[0, 1], [3, 4]], [[2], [5]])
    assert sampled.compute_loss(rows).numpy() == pytest.approx(whole.compute_loss(rows).numpy(), rel=1e-4)


def test_logq_tells_how_rare_an_item_is_among_millions_too():
    class Still:
        """Towers whose vectors are 0: logits are what logQ makes of them."""

        items = types.SimpleNamespace(select=lambda rows: rows)

        query_tower = types.SimpleNamespace(tables=lambda items, vectors: vectors)

        def candidate_tower(self, items, vectors):
            return vectors

        def gather(self, tower, rows, occurrences, training):
            return Gathered(items=rows, id_vectors=tf.zeros([tf.size(rows), 2]), occurrences=occurrences)

        def query(self, inputs, history, tables, training):
            return tf.zeros([tf.shape(history)[0], 2])

        def penalty_of(self, of_history, of_candidates):
            return 0.0

    catalogue = 4_000_000
    frequencies = np.zeros(catalogue, np.float32)
    frequencies[1] = 1e-3
    loss = InBatchSoftmax(frequencies, target_decay=0.0, negatives=1)(Still(), batch([[0]], [[1]]), True)
    # One row and one drawn item: the target is a candidate 1e-3 + 1 / 4e6 times, the drawn one 1 / 4e6 times, so the
    # drawn one's logit is log 4001 above the target's.
    assert loss.numpy() == pytest.approx(np.log(1 + 4001), rel=1e-3)


def test_a_step_of_the_in_batch_loss_has_a_gradient_for_rows_of_the_batch_alone():
    model = build(in_batch(targets=1, negatives=2, l2=0.1), cycling_data(), 3)
    tf.random.set_seed(7)
    (drawn,) = [tf.random.uniform([2], 0, ITEMS, tf.int32).numpy()]
    tf.random.set_seed(7)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch([[0], [3]], [[1], [4]]), training=True)
    slots = model.items.slots.numpy()
    of_history, of_candidates = ({UNKNOWN_SLOT, *slots[rows]} for rows in ([0, 3], [1, 4, *drawn]))
    tables = (
        (model.query_tower.encoder.ids, of_history),
        (model.candidate_tower.encoder.ids, of_candidates),
        (model.candidate_tower.bias, of_candidates),
    )
    gradients = tape.gradient(loss, [table for table, _ in tables])
    for gradient, (_, named) in zip(gradients, tables, strict=True):
        assert isinstance(gradient, tf.IndexedSlices)
        assert set(gradient.indices.numpy()) <= named


def test_an_id_that_a_step_hides_is_the_unknown_one_and_has_no_part_in_l2():
    model = build(in_batch(item_dropout=0.5), cycling_data(), 3)
    with_ids = ITEMS - 1  # the last one has no training rows
    rows, ones = tf.range(with_ids), tf.ones([with_ids])
    tf.random.set_seed(1)
    gathered = model.gather(model.candidate_tower, rows, ones, True)
    slots = gathered.items.slots.numpy()
    hidden = slots == UNKNOWN_SLOT
    assert 0 < hidden.sum() < with_ids
    np.testing.assert_array_equal(slots[~hidden], model.items.slots.numpy()[:with_ids][~hidden])
    np.testing.assert_array_equal(gathered.occurrences, np.where(hidden, 0, 1))
    np.testing.assert_array_equal(gathered.id_vectors, model.candidate_tower.encoder.ids.numpy()[slots])
    shown = model.gather(model.candidate_tower, rows, ones, False)
    np.testing.assert_array_equal(shown.items.slots, model.items.slots[:with_ids])
    np.testing.assert_array_equal(shown.occurrences, ones)


def test_the_squared_error_covers_the_catalogue_and_takes_an_items_own_contribution_out():
    data = cycling_data()
    config = RetrievalConfig(
        embedding_dim=4, squared_error_l2=0.0, item_dropout=0.0, loss="squared_error", half_lives=(0.0, 1.0)
    )
    model = build(config, data, 3)
    users, weights = [[0, 1], [3, 5, 2]], [[2.0, 0.5], [1.0, 3.0, 0.25]]
    tables, candidates = (part.numpy() for part in model.embed_catalogue())
    expected = weighed = 0.0
    for number, items in enumerate(users):
        flat, recent = np.ones(len(items)), 2.0 ** -np.arange(len(items))[::-1]
        flat, recent = flat / np.linalg.norm(flat), recent / np.linalg.norm(recent)
        inputs = flat[:, None] * tables[items, :4] + recent[:, None] * tables[items, 4:]
        for item in range(ITEMS):
            others = inputs[[m != item for m in items]].sum(axis=0)
            score = others @ candidates[item, :4] + candidates[item, 4]
            error = (score - (item in items)) ** 2 / len(users)
            expected += error
            weighed += error * (weights[number][items.index(item)] if item in items else 1)
    history = [[-1, 0, 1], [3, 5, 2]]
    of_history = [[0, *weights[0]], weights[1]]
    for given, wanted in (([[0, 1, 1], [1, 1, 1]], expected), (of_history, weighed)):
        assert model.compute_loss(batch(history, [[], []], given)).numpy() == pytest.approx(wanted, rel=1e-4)


def test_rare_and_unknown_items_share_a_slot_and_differ_by_content():
    data = cycling_data(min_ratings=25)  # every item has 24 rows
    assert set(data.items.slots.numpy()) == {UNKNOWN_SLOT}
    candidates = build(RetrievalConfig(embedding_dim=4), data, 1).embed_catalogue()[1].numpy()
    np.testing.assert_allclose(candidates[5], candidates[7])  # same genre, era and no title word
    assert not np.allclose(candidates[5], candidates[6])  # another genre


def test_undated_data_is_pooled_evenly():
    data = cycling_data()
    undated = dataclasses.replace(
        data, sequences=dataclasses.replace(data.sequences, timestamps=np.zeros_like(data.sequences.timestamps))
    )
    assert build(RetrievalConfig(), data, 1).query_tower.half_lives == (0.0, 1.0, 5.0)
    assert build(RetrievalConfig(), undated, 1).query_tower.half_lives == (0.0,)
    assert build(RetrievalConfig(history_order="none"), data, 1).query_tower.half_lives == (0.0,)
    with pytest.raises(InputError, match="needs times"):
        build(RetrievalConfig(history_order="time"), undated, 1)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"full_softmax_limit": ITEMS}, "full_softmax"),
        ({"full_softmax_limit": ITEMS - 1}, "in_batch_softmax"),
        ({"history_order": "none"}, "squared_error"),
        ({"history_order": "none", "loss": "full_softmax"}, "full_softmax"),
    ],
)
def test_auto_takes_the_loss_that_fits_the_data(settings, expected):
    assert chosen_loss(RetrievalConfig(**settings), cycling_data().sequences, ITEMS) == expected


def test_the_squared_error_learns_which_items_go_together():
    data = cycling_data()
    pairs = [[0, 1, 2], [3, 4, 5], [6, 7, 8]] * 10  # of a group two items are known, the third is asked for
    data = dataclasses.replace(data, sequences=ragged(pairs), marked=None)
    config = RetrievalConfig(embedding_dim=8, history_order="none", squared_error_l2=1e-4, epochs=100)
    (model,) = refit(config, data, [100], TrainingLog(METRIC, epochs=100, higher_is_better=True))
    tables, candidates = model.embed_catalogue()
    scores = tf.matmul(model.query_tower(tf.constant([[3, 5]]), tables), candidates, transpose_b=True)
    assert int(tf.argmax(mask_rows(scores, tf.constant([[3, 5]])), axis=1)[0]) == 4


def test_ndcg_by_hand():
    # One dimension: item i scores i. User 0 leaves 3 out and wants 2 (rank 1) and 0 (rank 3); user 1 wants 1 (rank 3).
    candidates = tf.constant([[0.0], [1.0], [2.0], [3.0]])
    asked = AskedUsers(histories=ragged([[3], []]), left_out=ragged([[3], []]), held_out=ragged([[2, 0], [1]]))

    def value(most_users):
        return ndcg(
            lambda history, _: tf.ones([history.shape[0], 1]),
            candidates,
            asked,
            k=3,
            history_length=5,
            most_users=most_users,
        )

    first = (1 + 1 / 2) / (1 + 1 / np.log2(3))
    assert value(9) == pytest.approx((first + 1 / 2) / 2)
    assert value(1) == pytest.approx(first)


def test_ndcg_of_a_catalogue_that_is_searched_by_blocks():
    # 150 items of which the last block is filled up with 10 that do not count, all scores below theirs. Item i scores
    # -i - 1: without 1 and 2 the list is 0, 3, 4, 5. With 10 times i added to it, it is 149, 148, 147, 146.
    candidates = -tf.range(1.0, 151.0)[:, tf.newaxis]
    asked = AskedUsers(histories=ragged([[]]), left_out=ragged([[2, 1]]), held_out=ragged([[3, 147, 2]]))
    limits = {"k": 4, "history_length": 5, "most_users": 9}
    ideal = 1 + 1 / np.log2(3) + 1 / 2

    def ones(history, _):
        return tf.ones([history.shape[0], 1])

    alone, with_others = 1 / np.log2(3) / ideal, 1 / 2 / ideal
    assert ndcg(ones, candidates, asked, **limits) == pytest.approx(alone)
    others = (ones, tf.range(150.0)[:, tf.newaxis])
    found = ndcg_of_sums((ones, candidates), others, asked, weights=[0.0, 10.0], **limits)
    assert found == pytest.approx([alone, with_others])


def test_a_list_leaves_out_what_the_rule_says_and_not_what_the_query_reads():
    # The history leads to its own last item, which the list may repeat: 3 is on top, and 3 is what is asked for.
    asked = AskedUsers(histories=ragged([[1, 3]]), left_out=ragged([[1]]), held_out=ragged([[3]]))
    candidates = tf.one_hot([0, 1, 2, 3], 4)
    found = ndcg(
        lambda history, _: tf.one_hot(history[:, -1], 4), candidates, asked, k=2, history_length=5, most_users=9
    )
    assert found == pytest.approx(1.0)


def test_the_users_of_eval_are_asked_from_what_they_liked():
    liked = UserSequences(
        user_ids=np.array([b"a", b"c"], object),
        items=ragged([[1, 2], [3]]),
        parts=np.full(3, TRAIN_PART, np.int8),
    )
    marked = MarkedRows(
        user_ids=np.array([b"c", b"b"], object), seen=ragged([[3], [4]]), held_out=ragged([[5], [6, 7]])
    )
    asked = AskedUsers.of(marked, liked)
    assert [asked.histories[i].tolist() for i in range(2)] == [[3], []]  # b has disliked everything
    assert [asked.left_out[i].tolist() for i in range(2)] == [[3], [4]]
    assert [asked.held_out[i].tolist() for i in range(2)] == [[5], [6, 7]]


def test_a_model_is_trained_on_what_was_liked_alone():
    items = standard_features([2, 0, 1], genres=[[], [], []])
    # Catalogue row 0 is liked twice, 1 disliked twice, 2 liked once; user b likes nothing.
    sequences = UserSequences(
        user_ids=np.array([b"a", b"b"], object),
        items=dataclasses.replace(
            ragged([[0, 1, 2, 0], [1]]), ratings=np.array([5, 1, 3, 3, 2], np.float32), weights=np.ones(5, np.float32)
        ),
        parts=np.zeros(5, np.int8),
    )
    phase = seeing(sequences, items, standard_content(items, genres=1), unknown=3, liked_from=3.0)
    marked = MarkedRows(user_ids=np.array([b"b"], object), seen=ragged([[1]]), held_out=ragged([[0]]))
    config = RetrievalConfig(min_ratings=1, loss="full_softmax")
    data = training_data(config, phase, marked, repeats=True)
    assert [data.sequences[i].tolist() for i in range(len(data.sequences))] == [[0, 2, 0]]
    assert data.counts.tolist() == [2, 0, 1]  # a dislike makes no item popular
    assert len(set(data.items.slots.numpy()) - {UNKNOWN_SLOT}) == 2  # nobody's liking tells of row 1
    assert data.items.slots.numpy()[1] == UNKNOWN_SLOT
    assert data.repeats
    assert (data.marked.histories[0].tolist(), data.marked.left_out[0].tolist()) == ([], [1])


def test_last_rows_are_right_aligned():
    assert last_rows(ragged([[1, 2, 3], [], [4]]), np.array([0, 1, 2]), 2).tolist() == [[2, 3], [-1, -1], [-1, 4]]


class Ids:
    """Stands for the transform graph of `cycling_data`: the name of item index i is `i`, in some order of indices."""

    specs = ()

    def __init__(self, names):
        self._names = names

    def vocabulary(self, name):
        known = {"item_id": self._names, "item_genres": [b"Even", b"Odd"], "item_title": [b"word"]}
        return known[name]


def test_a_model_that_starts_from_another_one_is_that_one():
    data, config = cycling_data(), RetrievalConfig(embedding_dim=4, loss="full_softmax")
    graph = Ids([b"m%d" % item for item in range(ITEMS - 1)])
    old, new = build(config, data, 1), build(config, data, 2)
    before = [part.numpy() for part in old.embed_catalogue()]
    assert not np.allclose(before[1], new.embed_catalogue()[1])

    with tempfile.TemporaryDirectory() as folder:
        write_weights(folder, [tables_of(old, data.content, graph, None)])
        Start(weights_path(folder)).put(tables_of(new, data.content, graph, None), 0)

    for then, now in zip(before, new.embed_catalogue(), strict=True):
        np.testing.assert_array_equal(then, now)


def test_rows_go_to_the_items_that_they_are_of_when_the_vocabulary_changes_its_order():
    data, config = cycling_data(), RetrievalConfig(embedding_dim=4, loss="full_softmax")
    names = [b"m%d" % item for item in range(ITEMS - 1)]
    old, new = build(config, data, 1), build(config, data, 2)

    with tempfile.TemporaryDirectory() as folder:
        write_weights(folder, [tables_of(old, data.content, Ids(names), None)])
        Start(weights_path(folder)).put(tables_of(new, data.content, Ids(names[::-1]), None), 0)

    ids, others = old.candidate_tower.encoder.ids.numpy(), new.candidate_tower.encoder.ids.numpy()
    np.testing.assert_array_equal(ids[0], others[0])  # that of everything unknown
    np.testing.assert_array_equal(ids[1:], others[:0:-1])


def test_a_large_catalogue_is_encoded_in_blocks(monkeypatch):
    model = build(in_batch(), cycling_data(), 3)
    whole = model.embed_catalogue()
    monkeypatch.setattr(model_module, "BLOCK", 3)
    for part, expected in zip(model.embed_catalogue(), whole, strict=True):
        np.testing.assert_allclose(part.numpy(), expected.numpy(), rtol=1e-6)
