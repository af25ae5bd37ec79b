"""What a prediction reads: pooled lists without the target, content, hidden ids; and what the loss weighs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.ragged import Lists
from components.ranking.architectures import ARCHITECTURES, create_model
from components.ranking.batches import cut_batch
from components.ranking.config import RankingConfig
from components.ranking.known_ratings import known_ratings
from components.ranking.user_content import UserContent
from tests.components.ranking.small_data import item_features, sequences_of

ROWS = {
    0: [(2, 5.0, 10), (0, 3.0, 20), (1, 4.0, 40)],
    1: [(0, 1.0, 5), (2, 2.0, 30)],
    2: [(0, 2.5, 50)],
}
ITEMS = item_features(4, 3, genres=[[0, 1], [2], [], [1]])


def known(history_length=200, raters=200):
    return known_ratings(
        sequences_of(ROWS),
        np.arange(3, dtype=np.int32),
        ITEMS,
        known_users=3,
        history_length=history_length,
        raters=raters,
    )


def model_with_random_tables(config, data):
    model = create_model(config, ITEMS, data, seed=3)
    model(cut_batch(data, data.rows))  # layers make their variables at the first call
    generator = np.random.default_rng(5)
    for table in model.trainable_variables:
        table.assign(generator.normal(size=table.shape))
    return model


@pytest.mark.parametrize(("history_length", "raters"), [(200, 200), (2, 1)])
def test_a_target_is_left_out_of_its_history_and_its_user_out_of_the_raters(history_length, raters):
    data = known(history_length, raters)
    model = model_with_random_tables(RankingConfig(embedding_dim=4), data)
    predicted = model(cut_batch(data, data.rows)).numpy()

    table = {name.name.split(":")[0]: name.numpy() for name in model.trainable_variables}
    index = ITEMS.item_index
    mean = np.mean([stars for rows in ROWS.values() for _, stars, _ in rows])
    expected = []
    for user, rows in ROWS.items():
        for item, _, _ in rows:
            others = [m for m, _, _ in rows[-history_length:] if m != item]
            by_time = sorted((t, u) for u, theirs in ROWS.items() for m, _, t in theirs if m == item)
            fellows = [u for _, u in by_time[-raters:] if u != user]
            genres, eras = (one.values[item] for one in ITEMS.features)
            user_vector = table["user_ids"][user] + pooled(table["history_items"], [index[m] for m in others])
            item_vector = table["item_ids"][index[item]] + pooled(table["rater_users"], fellows)
            item_vector = item_vector + pooled(table["item_genres"], genres) + table["item_year"][eras[0]]
            biases = table["user_bias"][user, 0] + table["item_bias"][index[item], 0]
            biases += pooled(table["item_genres_bias"], genres)[0] + table["item_year_bias"][eras[0], 0]
            expected.append(mean + biases + user_vector @ item_vector)
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-5)


def test_features_of_a_user_add_their_vectors_and_biases():
    """User 0 has both features, user 1 one of weight a half, user 2 and everybody else none."""
    content = UserContent(
        positions=Lists(row_splits=np.array([0, 2, 3, 3, 3]), values=np.array([0, 3, 1], np.int32)),
        weights=np.array([1, 1, 0.5], np.float32),
        feature_of=np.array([0, 0, 1, 1], np.int32),
        missing_of=np.full(4, -1, np.int32),
        features=2,
    )
    plain = known()
    data = dataclasses.replace(plain, content=content)
    model = model_with_random_tables(RankingConfig(embedding_dim=4), data)
    batch = cut_batch(data, data.rows)
    vectors, biases = model.user_content.numpy(), model.user_content_bias.numpy()[:, 0]
    without = cut_batch(plain, data.rows)
    added = (model(batch) - model(without)).numpy()
    raters = model._raters(batch, tf.gather(batch.users, batch.user_position))
    items = model.item_vector(tf.constant(ITEMS.item_index[data.rows.item_rows]), data.rows.item_rows, raters).numpy()
    told = np.array([[1, 0, 0, 1], [0, 0.5, 0, 0], [0, 0, 0, 0]])[data.rows.user_rows]
    expected = np.sum(told @ vectors * items, axis=1) + told @ biases
    np.testing.assert_allclose(added, expected, rtol=1e-4, atol=1e-5)


def pooled(table, indices):
    if not len(indices):
        return np.zeros(table.shape[1])
    return sum(table[i] for i in indices) / np.sqrt(len(indices))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_target_in_nobodys_list_changes_nothing_else_and_all_architectures_take_one_row(architecture):
    data = known()
    model = model_with_random_tables(RankingConfig(architecture=architecture, embedding_dim=4), data)
    together = model(cut_batch(data, data.rows)).numpy()
    alone = [model(cut_batch(data, data.rows, np.array([row]))).numpy() for row in range(len(data.rows))]
    assert together.shape == (6,)
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_same_for_one_batch_and_for_the_mean_of_its_halves():
    data = known()
    model = model_with_random_tables(RankingConfig(embedding_dim=4, id_dropout=0.0), data)

    def loss(positions):
        batch = cut_batch(data, data.rows, positions)
        return float(model.compute_loss(batch)) + float(tf.add_n(model.losses))

    halves = (loss(np.array([0, 2, 4])) + loss(np.array([1, 3, 5]))) / 2
    # Outside of training predictions are clipped; the same on both sides.
    assert halves == pytest.approx(loss(None), rel=1e-5)


def test_l2_weighs_squared_norms_in_units_of_one_rows_squared_error():
    data = known()
    config = RankingConfig(
        embedding_dim=4, l2_ids=30.0, l2_history=20.0, l2_features=40.0, l2_biases=15.0, l2_full_rows=6
    )
    model = model_with_random_tables(config, data)
    weight = {
        "user_ids": 30,
        "item_ids": 30,
        "history_items": 20,
        "rater_users": 20,
        "item_genres": 40,
        "item_year": 40,
    }
    expected = sum(weight.get(v.name.split(":")[0], 15) / 6 * np.sum(v.numpy() ** 2) for v in model.trainable_variables)
    assert float(tf.add_n(model.losses)) == pytest.approx(expected, rel=1e-5)

    quarter = model_with_random_tables(dataclasses.replace(config, l2_full_rows=96), data)  # √(6 / 96) of the weight
    quarter.set_weights(model.get_weights())
    assert float(tf.add_n(quarter.losses)) == pytest.approx(expected / 4, rel=1e-5)


def test_few_rows_bear_the_root_of_their_share_of_l2_and_many_all_of_it():
    config = RankingConfig(l2_full_rows=30_000)
    assert [config.l2_share(rows) for rows in (300, 7_500, 30_000, 25_000_000)] == pytest.approx([0.1, 0.5, 1, 1])


def test_hidden_ids_are_drawn_anew_each_step_at_the_configured_rate():
    data = known()
    model = create_model(RankingConfig(id_dropout=0.25), ITEMS, data, seed=3)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.01))
    many = tf.zeros([20_000], tf.int32)
    first = model._hidden(0, many).numpy()
    assert first.mean() == pytest.approx(0.25, abs=0.02)
    assert (model._hidden(1, many).numpy() != first).any()
    model.optimizer.iterations.assign_add(1)
    assert (model._hidden(0, many).numpy() != first).any()


def test_with_every_id_hidden_a_row_reads_history_and_content_but_no_raters():
    data = known()
    # All but certainly every draw is below this.
    config = dataclasses.replace(RankingConfig(embedding_dim=4), id_dropout=1 - 1e-9)
    model = model_with_random_tables(config, data)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.01))
    batch = cut_batch(data, data.rows)
    before = model(batch, training=True).numpy()
    for name in ("user_ids", "item_ids", "user_bias", "item_bias"):
        known_part = getattr(model, name)[:-1]
        known_part.assign(tf.random.normal(known_part.shape))
    model.rater_users.assign(tf.random.normal(model.rater_users.shape))
    np.testing.assert_allclose(model(batch, training=True).numpy(), before, rtol=1e-5)
    model.history_items.assign(tf.random.normal(model.history_items.shape))
    assert not np.allclose(model(batch, training=True).numpy(), before)
