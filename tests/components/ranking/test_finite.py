"""Weights and losses are numbers, whatever the data lacks."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf

from components.errors import InputError
from components.ranking.architectures import ARCHITECTURES
from components.ranking.config import RankingConfig
from components.ranking.fitting import fit, predict
from components.ranking.list_sums import list_sums
from tests.components.ranking.small_data import World, world

USERS, ITEMS = 12, 9
TRUTH = 1.0 + np.random.default_rng(3).integers(5, size=(USERS, ITEMS))
NO_GENRES: list[list[int]] = [[] for _ in range(ITEMS + 1)]

DATA = {
    "as it should be": world(TRUTH),
    "no genres": world(TRUTH, genres=NO_GENRES),
    "one rating value": world(np.full_like(TRUTH, 4.0)),
    "neither": world(np.full_like(TRUTH, 4.0), genres=NO_GENRES),
    "next to no rows": world(TRUTH, share=0.05, genres=NO_GENRES),
    "nothing held out": world(TRUTH, share=1.0, genres=NO_GENRES),
}
CONFIGS = {
    **{name: RankingConfig(architecture=name) for name in ARCHITECTURES},
    "SVD++": RankingConfig(architecture="matrix_factorization", implicit=True),
}


@pytest.fixture(autouse=True)
def _nan_where_nobody_writes():
    """Leaves NaN in the memory that TensorFlow hands out next: an unwritten result shows itself."""
    for size in (1, 4, 16, 64, 256, 1024):
        parts = [tf.fill([size, 4], float("nan")) + 0.0 for _ in range(8)]
        del parts


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("data", DATA)
def test_every_weight_and_loss_is_a_number(name: str, data: str) -> None:
    one: World = DATA[data]
    config = dataclasses.replace(CONFIGS[name], embedding_dim=4, layers=(8,), epochs=8, patience=8)
    epochs = []
    (model,) = fit(config, one.items, one.known, one.held_out, epochs.append)
    assert len(epochs) == 8
    assert all(np.isfinite(epoch.loss) for epoch in epochs)
    assert not len(one.held_out) or all(np.isfinite(list(epoch.metrics.values())).all() for epoch in epochs)
    for weight in model.weights:
        assert np.isfinite(weight.numpy()).all(), weight.name
    assert np.isfinite(predict([model], one.known, one.held_out, 1_000)).all()


def test_a_training_that_diverges_is_told_and_keeps_nothing() -> None:
    one = DATA["as it should be"]
    with pytest.raises(InputError, match="the training of ranking has diverged") as error:
        fit(RankingConfig(l2_ids=1e30, l2_biases=1e30, learning_rate=1.0), one.items, one.known, one.held_out)
    assert re.fullmatch(r"(nan|inf) in epoch \d+", error.value.received)
    assert "ranking.learning_rate" in error.value.action


def test_sums_of_lists_by_hand() -> None:
    table = tf.Variable([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    sums = list_sums(table, tf.constant([2, 0, 1, 1]), tf.constant([0, 0, 2, 2]), tf.constant(4))
    np.testing.assert_array_equal(sums, [[101, 202], [0, 0], [20, 40], [0, 0]])


@pytest.mark.parametrize("lists", [0, 1, 3])
def test_lists_without_any_entry_have_no_gradient(lists: int) -> None:
    table = tf.Variable([[1.0, 2.0], [10.0, 20.0]])
    nothing = tf.zeros([0], tf.int32)
    with tf.GradientTape() as tape:
        sums = list_sums(table, nothing, nothing, tf.constant(lists))
        loss = tf.reduce_sum(sums + 1)
    np.testing.assert_array_equal(sums, np.zeros([lists, 2]))
    np.testing.assert_array_equal(tf.convert_to_tensor(tape.gradient(loss, table)), np.zeros([2, 2]))


def test_gradients_of_the_sums_count_how_often_a_row_occurs() -> None:
    table = tf.Variable([[1.0], [10.0], [100.0]])
    with tf.GradientTape() as tape:
        sums = list_sums(table, tf.constant([0, 2, 2]), tf.constant([0, 1, 1]), tf.constant(2))
        loss = tf.reduce_sum(sums * [[3.0], [5.0]])
    np.testing.assert_array_equal(tf.convert_to_tensor(tape.gradient(loss, table)), [[3.0], [0.0], [10.0]])
