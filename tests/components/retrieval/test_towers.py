"""Pooling of a history, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.retrieval.towers import contributions, embed_history, pooling_weights, with_features

# Item 0 is (1, 0), item 1 is (0, 1), item 2 is (4, 4); one pooling a table.
TABLE = np.array([[1, 0], [0, 1], [4, 4]], np.float32)


def test_an_even_pooling_is_the_sum_over_the_root_of_the_length():
    query = embed_history(tf.constant([[0, 1]]), tf.constant(TABLE), [0.0])
    assert query.numpy()[0] == pytest.approx([1 / np.sqrt(2), 1 / np.sqrt(2), 1])


def test_half_lives_weigh_the_latest_item_most():
    # Half-life 1: item 1 (latest) weighs 1, item 0 weighs 1/2; the norm of (1, 1/2) is sqrt(5)/2.
    query = embed_history(tf.constant([[0, 1]]), tf.constant(TABLE), [1.0])
    assert query.numpy()[0] == pytest.approx([1 / np.sqrt(5), 2 / np.sqrt(5), 1])


def test_poolings_add_up_each_with_its_own_table():
    two = tf.constant(np.concatenate([TABLE, 10 * TABLE], axis=1))
    query = embed_history(tf.constant([[1]]), two, [0.0, 1.0])
    assert query.numpy()[0] == pytest.approx([0, 1 + 10, 1])


@pytest.mark.parametrize("history", [[[-1, -1, 0, 1]], [[0, -1, 1, -1]], [[0, 1, -1, -1]]])
def test_padding_is_ignored_anywhere(history):
    padded = embed_history(tf.constant(history), tf.constant(TABLE), [2.0])
    plain = embed_history(tf.constant([[0, 1]]), tf.constant(TABLE), [2.0])
    np.testing.assert_allclose(padded, plain, rtol=1e-6)


def test_an_empty_history_meets_only_the_bias():
    for history in ([[-1, -1]], [[]]):
        query = embed_history(tf.constant(history, tf.int32), tf.constant(TABLE), [0.0, 1.0][:1])
        assert query.numpy().tolist() == [[0, 0, 1]]


def test_what_is_known_of_a_user_counts_by_the_root_of_the_history_and_the_context_in_full():
    table = tf.constant([[3.0, 0.0], [6.0, 0.0], [0.0, 10.0]])  # two positions of users, one of contexts
    content = tf.SparseTensor([[0, 0], [0, 2], [1, 1], [1, 2]], [1.0, 1.0, 0.5, 1.0], [2, 3])
    queries = tf.constant([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    # The first user has no history, the second three items: 6 * 0.5 / sqrt(1 + 3) = 1.5.
    told = with_features(queries, tf.constant([[-1, -1, -1], [0, 2, 1]]), content, table, user_content=2)
    np.testing.assert_allclose(told, [[4, 11, 1], [2.5, 11, 1]])


def test_contributions_by_hand():
    # Even pooling: both weigh 1/sqrt(2). The candidate (3, 5) meets (1, 0) in 3, (0, 1) in 5; its bias 7 is nobody's.
    parts = contributions(tf.constant([[0, -1, 1]]), tf.constant(TABLE), [0.0], tf.constant([[3.0, 5.0, 7.0]]))
    assert parts.numpy()[0] == pytest.approx([3 / np.sqrt(2), 0, 5 / np.sqrt(2)])


def test_contributions_add_up_to_the_score_without_the_bias():
    rng = np.random.default_rng(1)
    tables = tf.constant(rng.normal(size=(9, 6)), tf.float32)  # three poolings of width 2
    candidates = tf.constant(rng.normal(size=(3, 3)), tf.float32)
    history = tf.constant([[4, 1, 8, 2, 2], [-1, -1, -1, -1, -1], [-1, 3, -1, 0, 5]])
    half_lives = [0.0, 1.0, 5.0]
    parts = contributions(history, tables, half_lives, candidates).numpy()
    scores = np.sum(embed_history(history, tables, half_lives) * candidates, axis=1)
    np.testing.assert_allclose(parts.sum(axis=1), scores - candidates[:, -1], atol=1e-5)
    assert parts[1].tolist() == [0] * 5


def test_weights_of_a_row_have_length_one():
    for weights in pooling_weights(tf.constant([[0, 1, 2], [-1, -1, 2]]), [0.0, 1.0, 5.0]):
        assert np.linalg.norm(weights, axis=1) == pytest.approx([1, 1])
