"""What a user had most often, by hand."""

from __future__ import annotations

import numpy as np

from components.baselines.repeat_counts import most_repeated
from tests.components.baselines.test_item_knn import ragged

POPULARITY = np.array([1.0, 9.0, 5.0, 5.0, 0.0])


def lists(histories, left_out, n):
    return [one.tolist() for one in most_repeated(POPULARITY, ragged(*histories), ragged(*left_out), n)]


def test_what_was_had_most_comes_first_of_equals_the_latest_and_then_popular_items():
    # 3 twice; 0 and 4 once, 0 later; then the most popular of the others: 1, 2.
    assert lists([[3, 4, 3, 0]], [[]], 5) == [[3, 0, 4, 1, 2]]
    assert lists([[3, 4, 3, 0]], [[]], 2) == [[3, 0]]


def test_what_a_list_leaves_out_and_what_nobody_knows_is_in_none():
    assert lists([[3, -1, -1, 3, 0], []], [[3, -1], [1]], 3) == [[0, 1, 2], [2, 3, 0]]
    assert lists([[3]], [[0, 1, 2, 3, 4]], 3) == [[]]


def test_rows_of_long_ago_count_less_by_the_half_life():
    # Newest first 0, 4, 4, 3, 3, 3: with a half-life of one row 0 has 1, 4 has 1/2 + 1/4, 3 has 7/64.
    histories = ragged([3, 3, 3, 4, 4, 0])
    (found,) = most_repeated(POPULARITY, histories, ragged([]), 3, half_life=1.0)
    assert found.tolist() == [0, 4, 3]
    (found,) = most_repeated(POPULARITY, histories, ragged([]), 3, half_life=100.0)
    assert found.tolist() == [3, 4, 0]
