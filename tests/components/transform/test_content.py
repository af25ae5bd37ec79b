"""Content of items and users, derived by hand: a block of positions a feature."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.feature_specs import FeatureConfig, FeaturesConfig, of
from components.transform.content import Content, as_matrix, block_lists, create_content
from components.transform.graph import EntityFeatures
from tests.components.transform.small_content import SmallGraph, lists

SPECS = of(
    FeaturesConfig(
        user={
            "country": FeatureConfig(kind="category"),
            "likes": FeatureConfig(kind="categories"),
            "age": FeatureConfig(kind="number", buckets=4),
            "taste": FeatureConfig(kind="vector"),
            "about": FeatureConfig(kind="text"),
        }
    ).specs(),
    "user",
)
SIZES = {"country": 3, "likes": 2, "age": 4, "taste": 2, "about": 3}
WORDS = {"about": np.array([-1, 1, 0, -1], np.int32)}
# country 0..2, unknown or missing 3 | likes 4, 5, unknown 6 | age 7..10, missing 11 | taste 12, 13 | about 14, 15


def encoded(**values):
    rows = len(next(iter(values.values())))
    given = {name: values.get(name, [[]] * rows) for name in SIZES}
    tensors = {
        name: tf.ragged.constant(one, tf.float32 if name == "taste" else tf.int64, ragged_rank=1)
        for name, one in given.items()
    }
    return Content(SPECS, SIZES, WORDS)(tensors, tf.constant(rows, tf.int64))


def as_dicts(content):
    pairs = zip(content.positions.to_list(), content.weights.to_list(), strict=True)
    return [dict(zip(positions, map(pytest.approx, weights), strict=True)) for positions, weights in pairs]


def test_every_feature_has_a_block_of_its_own_and_lists_weigh_one_by_root_of_their_length():
    content = encoded(country=[[1]], likes=[[0, 1]], age=[[3]], taste=[[3.0, -4.0]], about=[[1, 2, 0]])
    half = 1 / np.sqrt(2)
    assert content.size == 16
    assert as_dicts(content) == [{1: 1, 4: half, 5: half, 10: 1, 12: 0.6, 13: -0.8, 15: half, 14: half}]


def test_an_unknown_value_counts_as_a_missing_one_and_that_has_a_position():
    content = encoded(country=[[3], []], likes=[[2], []])
    assert as_dicts(content) == [{3: 1, 6: 1, 11: 1}, {3: 1, 11: 1}]


def test_a_vector_of_another_length_or_of_zeros_says_nothing():
    content = encoded(taste=[[1.0], [1.0, 2.0, 2.0], [0.0, 0.0], [0.0, 2.0]])
    assert [{key: value for key, value in one.items() if key >= 12} for one in as_dicts(content)] == [
        {},
        {},
        {12: 0, 13: 0},
        {12: 0, 13: 1},
    ]


def test_hidden_features_become_missing_or_weigh_nothing():
    content = Content(SPECS, SIZES, WORDS)
    everything = encoded(country=[[1]], likes=[[0]], age=[[3]])
    hidden = content.hidden(everything, 1.0, optional_only=False)
    assert as_dicts(hidden) == [{3: 1, 4: 0, 11: 1}]
    assert as_dicts(content.hidden(everything, 1.0, optional_only=True)) == [{3: 1, 4: 1, 11: 1}]
    assert as_dicts(content.hidden(everything, 0.0, optional_only=False)) == [{1: 1, 4: 1, 10: 1}]


def test_nothing_is_told_by_values_that_are_missing_or_unknown():
    content = Content(SPECS, SIZES, WORDS)
    assert content.told(encoded(country=[[3], [], [1], []], age=[[], [], [], [0]])).numpy().tolist() == [
        False,
        False,
        True,
        True,
    ]
    assert content.told(encoded(about=[[0], [1]], taste=[[1.0], []])).numpy().tolist() == [False, True]


def test_the_matrix_is_the_same_from_ragged_and_from_padded_content():
    content = encoded(country=[[1], [2]], likes=[[0, 1], []])
    dense = tf.sparse.to_dense(tf.sparse.reorder(content.matrix())).numpy()
    assert dense.shape == (2, 16)
    assert dense[0, [1, 4, 5, 11]] == pytest.approx([1, 1 / np.sqrt(2), 1 / np.sqrt(2), 1])
    padded = tf.sparse.to_dense(tf.sparse.reorder(as_matrix(*content.padded(), content.size))).numpy()
    np.testing.assert_array_equal(padded, dense)


def test_a_block_comes_apart_again():
    content = encoded(country=[[1], [2]], likes=[[0, 1], []])
    likes = next(block for block in Content(SPECS, SIZES, WORDS).blocks if block.spec.name == "likes")
    splits, places, weights = block_lists(content, likes)
    assert (splits.tolist(), places.tolist()) == ([0, 2, 2], [0, 1])
    assert weights == pytest.approx([1 / np.sqrt(2)] * 2)


def test_a_word_of_fewer_than_three_texts_has_no_position():
    # Word 0 is in three texts, word 1 in two (twice in one of them), word 2 in none.
    specs = [spec for spec in SPECS if spec.name == "about"]
    texts = lists([[0], [0, 1, 1], [0, 1], [3]])
    features = EntityFeatures(index=np.arange(4), values={"about": texts})
    graph = SmallGraph()
    graph.size = lambda spec: 3  # type: ignore[method-assign]
    content = create_content(graph, specs, features)  # type: ignore[arg-type]
    assert content.size == 1
    assert content.of(features).positions.to_list() == [[0], [0], [0], []]


def test_without_features_there_is_no_content():
    content = Content((), {}, {})({}, tf.constant(3, tf.int64))
    assert (content.size, content.positions.to_list()) == (0, [[], [], []])
