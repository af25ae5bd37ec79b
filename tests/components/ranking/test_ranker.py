"""The exported model: the same ratings as in training, for any history, any padding, anybody."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.ranking.architectures import ARCHITECTURES
from components.ranking.config import RankingConfig
from components.ranking.fitting import fit, predict
from components.ranking.ranker import Ranker, save
from tests.components.ranking.small_data import UserLookup, world

USERS, ITEMS = 30, 24
UNKNOWN_ITEM = ITEMS  # a catalogue row without training rows
RNG = np.random.default_rng(2)
TRUTH = np.clip(
    np.round(2 * (3 + RNG.normal(0, 0.7, ITEMS)[None] + np.outer(RNG.normal(size=USERS), RNG.normal(size=ITEMS)))) / 2,
    1.0,
    4.5,
)
HISTORY_LENGTH = 12  # shorter than what most users rated
WORLD = world(TRUTH, history_length=HISTORY_LENGTH)
LIGHT = RankingConfig(
    embedding_dim=4,
    history_length=HISTORY_LENGTH,
    l2_ids=1.0,
    l2_history=1.0,
    l2_features=1.0,
    l2_biases=2.0,
    l2_full_rows=1,
    epochs=15,
    learning_rate=0.05,
)


def exported(folder, **changes):
    config = dataclasses.replace(LIGHT, **changes)
    models = fit(config, WORLD.items, WORLD.known, WORLD.held_out)
    save(Ranker(models, UserLookup(USERS), WORLD.known, config), str(folder))
    return models, tf.saved_model.load(str(folder))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("ranker"))


@pytest.fixture(scope="module")
def rate(trained):
    return lambda *inputs, **options: ask(trained[1], *inputs, **options)


def no_features(users):
    """Content of users of whom no feature is known."""
    return {"user_positions": tf.zeros([users, 0], tf.int32), "user_weights": tf.zeros([users, 0])}


def ask(loaded, users, histories, ratings, items, unrated=0.0):
    """Asks the loaded signature; histories and ratings are rectangular lists, in which `unrated` is no rating."""
    batch = len(users)
    ratings = np.array(ratings, np.float32)
    ratings = ratings if unrated is None else np.where(ratings == unrated, np.nan, ratings)
    return loaded.signatures["predict"](
        user_id=tf.constant(users),
        history_rows=tf.constant(np.reshape(np.array(histories, np.int32), [batch, -1])),
        history_ratings=tf.constant(np.reshape(ratings, [batch, -1])),
        **no_features(batch),
        item_rows=tf.constant(np.array(items, np.int32)),
    )["predicted_rating"].numpy()


def rated(user):
    """Catalogue rows of the user's training rows, oldest first."""
    return WORLD.sequences.items[user].tolist()


def own_history(users):
    width = max(len(rated(user)) for user in users)
    return [[-1] * (width - len(rated(user))) + rated(user) for user in users]


def assert_same_as_in_training(models, loaded):
    """Held-out items are in nobody's history, so that both ways of asking must agree with the model."""
    rows = WORLD.held_out
    expected = predict(models, WORLD.known, rows, 10_000)
    users = rows.user_rows.tolist()
    histories = own_history(users)
    got = ask(loaded, [f"u{u}" for u in users], histories, np.zeros_like(histories), rows.item_rows[:, None])
    np.testing.assert_allclose(got[:, 0], expected, atol=1e-4)
    encoded = loaded.encode_users(
        tf.constant([f"u{u}" for u in users]),
        tf.constant(np.array(histories, np.int32)),
        tf.zeros(np.shape(histories)),
        **no_features(len(users)),
    )
    rated_ = loaded.rate(encoded, tf.constant(rows.item_rows[:, None].astype(np.int32)))
    np.testing.assert_allclose(rated_.numpy()[:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a != "factorization_machine"])
def test_saved_and_loaded_every_architecture_rates_as_in_training(architecture, tmp_path):
    assert_same_as_in_training(*exported(tmp_path, architecture=architecture, epochs=3))


def test_saved_and_loaded_the_default_rates_as_in_training(trained):
    assert_same_as_in_training(*trained)


def test_an_svd_plus_plus_reads_the_history(tmp_path):
    models, loaded = exported(tmp_path, architecture="matrix_factorization", implicit=True, epochs=3)
    assert_same_as_in_training(models, loaded)
    assert ask(loaded, ["u0"], [[3, 4]], [[0, 0]], [[5]]) != ask(loaded, ["u0"], [[]], [[]], [[5]])


def test_a_stranger_with_a_short_history_is_taken_for_average_in_what_is_not_told(trained):
    """By hand from the model's tables: average items fill the history up to the mean length of training users'."""
    model, loaded = trained[0][0], trained[1]
    lengths = [min(len(rated(user)), HISTORY_LENGTH) for user in range(USERS)]
    entries = [item for user in range(USERS) for item in rated(user)[-HISTORY_LENGTH:]]
    table = model.history_items.numpy()
    index = model.item_index
    average, typical = table[index[entries]].mean(axis=0), np.mean(lengths)
    item = 7
    vector = model.item_vector(index[[item]], [item], pooled_raters(model, item))[0].numpy()
    others = model.mean + model.user_bias.numpy()[-1, 0] + model.item_biases(index[[item]], [item]).numpy()[0]
    for history in ([], [3, 4]):
        total = table[index[history]].sum(axis=0) + (typical - len(history)) * average
        user = model.user_ids.numpy()[-1] + total / np.sqrt(typical)
        expected = np.clip(others + user @ vector, model.lowest, model.highest)
        got = ask(loaded, ["stranger"], [history], [[0.0] * len(history)], [[item]])
        assert got[0, 0] == pytest.approx(expected, abs=1e-4)


def pooled_raters(model, item):
    raters, owner = WORLD.known.raters.select(np.array([item]))
    return model.pooled_raters(raters, owner, np.array([len(raters)], np.float32))


def test_several_seeds_are_averaged(tmp_path):
    assert_same_as_in_training(*exported(tmp_path, seeds=2, epochs=3))


@pytest.mark.parametrize("user", ["u1", "stranger"])
def test_encoded_once_a_user_is_rated_as_when_asked_at_once(trained, rate, user):
    history, stars, items = [[-1, 3, 9999, 4]], [[5.0, 4.0, 1.0, np.nan]], [[9, UNKNOWN_ITEM, 7]]
    encoded = trained[1].encode_users(tf.constant([user]), tf.constant(history), tf.constant(stars), **no_features(1))
    got = trained[1].rate(encoded, tf.constant([[9, UNKNOWN_ITEM, 7, -1]])).numpy()
    np.testing.assert_allclose(got[:, :3], rate([user], history, stars, items), atol=1e-5)
    assert 1.0 <= got[0, 3] <= 4.5


def test_the_function_is_reachable_beside_the_signature_and_composes(trained, rate):
    loaded = trained[1]

    class Bundle(tf.Module):
        def __init__(self):
            super().__init__()
            self.ranker = loaded

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def first_item(self, user):
            none = tf.zeros([tf.shape(user)[0], 0])
            nobody = tf.cast(none, tf.int32)
            rows = tf.zeros([tf.shape(user)[0], 1], tf.int32)
            return self.ranker.predict(user, nobody, none, nobody, none, rows)["predicted_rating"]

    bundle = Bundle()
    np.testing.assert_allclose(bundle.first_item(tf.constant(["u3"])).numpy(), rate(["u3"], [[]], [[]], [[0]]))


def test_rows_of_a_batch_do_not_see_each_other(rate):
    users, histories = ["u1", "", "u5"], [[3, 4, -1], [-1, -1, 7], [1, 2, 3]]
    ratings, items = [[0, 3, 0], [0, 0, 4], [1, 0, 0]], [[0, 9], [9, UNKNOWN_ITEM], [3, -1]]
    together = rate(users, histories, ratings, items)
    assert together.shape == (3, 2)
    for row in range(3):
        alone = rate(users[row : row + 1], histories[row : row + 1], ratings[row : row + 1], items[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


@pytest.mark.parametrize("user", ["u1", "stranger"])
def test_padding_changes_nothing_wherever_it_stands(rate, user):
    plain = rate([user], [[3, 4, 5]], [[2, 0, 4]], [[0, 4, 9]])
    for history, ratings in (
        ([-1, -1, 3, 4, 5], [0, 0, 2, 0, 4]),
        ([3, 4, 5, -1, -1], [2, 0, 4, 0, 0]),
        ([3, -1, 4, -1, 5], [2, 5, 0, 5, 4]),  # a rating on padding is ignored too
        ([3, 4, 9999, 5], [2, 0, 5, 4]),  # so is a row that the catalogue lacks
    ):
        np.testing.assert_allclose(rate([user], [history], [ratings], [[0, 4, 9]]), plain, atol=1e-5)


def test_an_empty_history_is_a_history_of_padding(rate):
    empty = rate(["u1", "stranger"], [[], []], [[], []], [[0, 9], [0, 9]])
    padded = rate(["u1", "stranger"], [[-1], [-1]], [[0], [0]], [[0, 9], [0, 9]])
    assert np.isfinite(empty).all()
    np.testing.assert_allclose(padded, empty, atol=1e-6)


def test_only_the_latest_of_a_long_history_is_read(rate):
    long = list(range(20))
    for user in ("u1", "stranger"):
        stars = [1.0] * 8 + [4.0] * 12
        whole = rate([user], [long], [stars], [[21]])
        np.testing.assert_allclose(rate([user], [long[-HISTORY_LENGTH:]], [stars[8:]], [[21]]), whole, atol=1e-5)


def test_an_item_does_not_read_itself_in_the_history(rate):
    with_itself = rate(["u1"], [[3, 4, 5]], [[0, 0, 0]], [[4]])
    np.testing.assert_allclose(rate(["u1"], [[3, 5]], [[0, 0]], [[4]]), with_itself, atol=1e-5)
    assert abs(rate(["u1"], [[3, 4, 5]], [[0, 0, 0]], [[6]]) - rate(["u1"], [[3, 5]], [[0, 0]], [[6]])) > 1e-5


def test_an_unknown_item_and_padding_get_a_rating_within_the_range(rate):
    got = rate(["u1", "stranger"], [[3, UNKNOWN_ITEM], [-1, 4]], [[0, 0], [0, 4]], [[UNKNOWN_ITEM, -1, 9999]] * 2)
    assert np.isfinite(got).all()
    assert (got >= 1.0).all() and (got <= 4.5).all()


def test_an_unknown_item_in_the_history_says_nothing(rate):
    plain = rate(["u1"], [[3, 4]], [[0, 0]], [[9]])
    np.testing.assert_allclose(rate(["u1"], [[3, UNKNOWN_ITEM, 4]], [[0, 0, 0]], [[9]]), plain, atol=1e-5)


def test_an_unknown_users_bias_is_folded_in_from_rated_items(trained, rate):
    models, _ = trained
    model = models[0]
    history, stars, item = [3, 4, 5], [3.5, 0.0, 3.0], 9
    table = {v.name.split(":")[0]: v.numpy() for v in model.trainable_variables}

    def item_bias(row):
        genre, era = row % 3, row % 4
        bias = table["item_bias"][WORLD.items.item_index[row], 0]
        return bias + table["item_genres_bias"][genre, 0] + table["item_year_bias"][era, 0]

    mean = WORLD.known.rows.ratings.mean()
    stranger = table["user_bias"][-1, 0]
    # Two of the three are rated; damping is the biases' L2, 2.0.
    errors = [star - mean - stranger - item_bias(row) for row, star in zip(history, stars, strict=True) if star]
    unrated = rate(["stranger"], [history], [[0, 0, 0]], [[item]])
    folded = rate(["stranger"], [history], [stars], [[item]])
    assert 1.0 < unrated < 4.5 and 1.0 < folded < 4.5
    assert folded - unrated == pytest.approx(sum(errors) / (2 + 2.0), abs=1e-4)


def test_a_generous_stranger_gets_higher_ratings_than_a_harsh_one_and_ids_without_rows_are_strangers(rate):
    history, items = [[3, 4, 5, 6]], [[9]]
    harsh, generous = (rate(["stranger"], history, [[stars] * 4], items) for stars in (1.0, 4.5))
    assert generous > harsh
    np.testing.assert_allclose(rate([""], history, [[1.0] * 4], items), harsh)


def test_a_known_user_has_a_bias_already(rate):
    unrated = rate(["u1"], [[3, 4, 5]], [[0, 0, 0]], [[9]])
    np.testing.assert_allclose(rate(["u1"], [[3, 4, 5]], [[1, 1, 1]], [[9]]), unrated)


def test_ratings_from_outside_the_range_count_as_its_ends_and_what_is_no_number_as_none(rate):
    history, items = [[3, 4, 5]], [[9]]
    highest = rate(["stranger"], history, [[4.5] * 3], items)
    np.testing.assert_allclose(rate(["stranger"], history, [[1e30, 7.0, 4.5]], items), highest)
    lowest = rate(["stranger"], history, [[1.0] * 3], items)
    np.testing.assert_allclose(rate(["stranger"], history, [[-3.0, 0.0, 1.0]], items, unrated=None), lowest)
    unrated = rate(["stranger"], history, [[0.0] * 3], items)
    np.testing.assert_allclose(rate(["stranger"], history, [[np.nan, np.inf, -np.inf]], items), unrated)
    assert lowest < unrated < highest


def test_somebody_of_the_vocabulary_of_whom_no_training_row_tells_is_a_stranger(trained, tmp_path):
    # The vocabulary holds every user, also those who have test rows alone; here u1's rows are taken to be none.
    of_u1 = USERS - 1 - 1
    index = WORLD.known.user_index
    known = dataclasses.replace(WORLD.known, user_index=np.where(index == of_u1, WORLD.known.known_users, index))
    save(Ranker(trained[0], UserLookup(USERS), known, LIGHT), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    history, stars, items = [[3, 4, 5]], [[1.0, 1.0, 1.0]], [[9, 7]]
    np.testing.assert_allclose(
        ask(loaded, ["u1"], history, stars, items), ask(loaded, ["stranger"], history, stars, items)
    )
    assert (ask(loaded, ["u2"], history, stars, items) != ask(loaded, ["stranger"], history, stars, items)).all()
