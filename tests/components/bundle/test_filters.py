"""Filters over the whole catalogue, derived by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.best_columns import LOWEST
from components.bundle.filters import ItemFilter, keep_allowed

VALUES = {
    "genres": [[b"Comedy"], [b"Drama", b"Comedy"], [b"Drama"], []],
    "brand": [[b"Acme"], [b"Zeta"], [b"Acme"], [b"a=b"]],
}


def kept(*filters):
    item_filter = ItemFilter(VALUES)
    scores = item_filter.keep(tf.zeros([1, 4]), item_filter.lookup(tf.constant([list(filters)])))
    return np.flatnonzero(scores.numpy()[0] > LOWEST).tolist()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([""], [0, 1, 2, 3]),
        (["genres=Comedy"], [0, 1]),
        (["genres=Comedy", "genres=Drama"], [0, 1, 2]),
        (["genres=Drama", "brand=Acme"], [2]),
        (["genres=Drama", "", "brand=Acme", "brand=Zeta"], [1, 2]),
        (["-brand=Acme"], [1, 3]),
        (["-genres=Drama", "-brand=Zeta"], [0, 3]),
        (["genres=Comedy", "-brand=Zeta"], [0]),
        (["brand=a=b"], [3]),
        (["genres=Musical"], []),
        (["colour=red"], []),
        (["Comedy"], []),
        (["-genres=Musical"], [0, 1, 2, 3]),
        (["genres=Comedy", "genres=Musical"], []),
    ],
)
def test_of_one_feature_any_is_enough_and_all_features_must_be_met(filters, expected):
    assert kept(*filters) == expected


def test_rows_filter_on_their_own():
    item_filter = ItemFilter(VALUES)
    codes = item_filter.lookup(tf.constant([["genres=Comedy", ""], ["", ""], ["-brand=Acme", "genres=Drama"]]))
    found = item_filter.keep(tf.zeros([3, 4]), codes).numpy() > LOWEST
    assert [np.flatnonzero(row).tolist() for row in found] == [[0, 1], [0, 1, 2, 3], [1]]


def test_a_list_of_allowed_items_leaves_nothing_else_and_an_empty_one_everything():
    rows = tf.constant([[2, -1, 0], [-1, -1, -1], [-2, -1, -1], [3, -2, 3]])
    found = keep_allowed(tf.zeros([4, 4]), rows).numpy() > LOWEST
    assert [np.flatnonzero(row).tolist() for row in found] == [[0, 2], [0, 1, 2, 3], [], [3]]


def test_a_catalogue_without_a_value_meets_no_filter():
    item_filter = ItemFilter({})
    codes = item_filter.lookup(tf.constant([["genres=Comedy"], [""]]))
    found = item_filter.keep(tf.zeros([2, 3]), codes).numpy() > LOWEST
    assert found.tolist() == [[False] * 3, [True] * 3]
