"""L2 by hand, and from batches in the mean."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.retrieval.content import Items
from components.retrieval.penalty import Gathered, Penalty
from components.retrieval.towers import ItemEncoder

COUNTS = np.array([1, 3, 0, 4])


@pytest.fixture(scope="module")
def encoder():
    encoder = ItemEncoder(4, 2, 2, 1, "items")
    encoder.ids.assign([[1, 1], [2, 0], [0, 3], [1, 2]])  # squared norms 2, 4, 9, 5
    encoder.content.assign([[1, 0], [0, 2]])  # 5 in all
    return encoder


def batch_of(*slots):
    return Items(tf.constant(slots), None)


def of_rows(penalty, encoder, items, occurrences):
    gathered = Gathered(items=items, id_vectors=encoder.id_vectors(items), occurrences=occurrences)
    return penalty.of_rows([encoder], [], [gathered])


def test_one_weight_for_all(encoder):
    users = tf.constant([[3.0]])
    assert Penalty(0.1, COUNTS).of_tables([encoder], [users]).numpy() == pytest.approx(0.1 * (2 + 4 + 9 + 5 + 5 + 9))
    assert Penalty(0.0, COUNTS).of_tables([encoder], [users]).numpy() == 0


def test_by_frequency_an_id_vector_counts_by_its_rows(encoder):
    # Rows by their mean of 2: .5, 1.5, 0, 2.
    penalty = Penalty(0.1, COUNTS, by_frequency=True)
    of_ids = 0.1 * (0.5 * 2 + 1.5 * 4 + 2 * 5)
    assert penalty.of_tables([encoder], []).numpy() == pytest.approx(of_ids + 0.1 * 5)
    apart = Penalty(0.1, COUNTS, by_frequency=True, l2_of_others=0.3)
    assert apart.of_tables([encoder], []).numpy() == pytest.approx(of_ids + 0.3 * 5)


@pytest.mark.parametrize("by_frequency", [False, True])
def test_from_batches_it_is_the_same_in_the_mean(encoder, by_frequency):
    penalty = Penalty(0.1, COUNTS, by_frequency=by_frequency)
    known = np.array([0, 1, 3])
    # A batch of one row: each slot as often as its count says. One without rows is never in a batch.
    parts = [of_rows(penalty, encoder, batch_of(slot), tf.ones([1])).numpy() for slot in known]
    mean = np.average(parts, weights=COUNTS[known])
    whole = penalty.of_tables([encoder], []).numpy()
    assert mean == pytest.approx(whole if by_frequency else whole - 0.1 * 9)


def test_what_is_in_a_batch_twice_counts_twice(encoder):
    penalty = Penalty(0.1, COUNTS, by_frequency=True)
    twice = of_rows(penalty, encoder, batch_of(0, 1), tf.constant([2.0, 1.0])).numpy()
    ones = [of_rows(penalty, encoder, batch_of(slot), tf.ones([1])).numpy() for slot in (0, 0, 1)]
    assert twice == pytest.approx(np.mean(ones))


def test_the_gradient_of_a_batch_is_that_of_its_rows(encoder):
    penalty = Penalty(0.1, COUNTS, by_frequency=True)
    with tf.GradientTape() as tape:
        total = 3.0 * of_rows(penalty, encoder, batch_of(0, 3), tf.constant([1.0, 0.0]))
    gradient = tape.gradient(total, encoder.ids)
    # Slot 0 counts .5, is in 1 of 8 rows and the whole of this batch: 3 * .1 * .5 * 8 * 2 v. Slot 3 does not occur.
    assert gradient.indices.numpy().tolist() == [0, 3]
    np.testing.assert_allclose(gradient.values.numpy(), [[2.4, 2.4], [0, 0]], rtol=1e-6)
