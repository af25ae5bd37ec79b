"""Transitions by hand."""

from __future__ import annotations

import numpy as np
import pytest

from components.baselines import transitions as module
from components.baselines.transitions import find_transitions
from components.examples import RaggedRows
from tests.components.baselines.test_item_knn import ragged


def transitions(*lists, items=4, window=2, shrink=1.0, followers=10, most_rows=100):
    return find_transitions(ragged(*lists), items, window, shrink, followers, most_rows).similarities.toarray()


def test_what_follows_soon_counts_most_and_what_came_before_counts_little():
    # 0 → 1 and 1 → 2 at gap 1, 0 → 2 at gap 2; 3 is three gaps away from 0, which no window of 2 reaches.
    found = transitions([0, 1, 2, 3], shrink=0.0)
    far = 1 / np.sqrt(2)
    assert found[0] == pytest.approx([0, 1, far, 0])
    assert found[2] == pytest.approx([0.3 * far, 0.3, 0, 1])


def test_frequent_items_and_items_of_few_rows_count_less():
    # 0 → 1 twice; 0 has 3 rows, 1 has 2, 2 has 1, and each has one more by `shrink`.
    found = transitions([0, 1], [0, 1], [0, 2], items=3)
    assert found[0] == pytest.approx([0, 2 / np.sqrt(4 * 3), 1 / np.sqrt(4 * 2)])
    assert found[1] == pytest.approx([0.3 * 2 / np.sqrt(4 * 3), 0, 0])


def test_no_row_follows_the_last_row_of_another_user_and_nothing_follows_itself():
    found = transitions([0, 0], [1], [2, -1, 3], shrink=0.0)
    assert found[0].tolist() == [0, 0, 0, 0]
    assert found[1].tolist() == [0, 0, 0, 0]
    assert found[2].tolist() == [0, 0, 0, 1]  # an unknown row is no gap


def test_only_the_likeliest_followers_are_kept():
    assert transitions([0, 1, 2], shrink=0.0, followers=1)[0].tolist() == [0, 1, 0, 0]


def test_of_too_many_rows_every_second_user_is_counted():
    found = transitions([0, 1], [1, 2], [2, 3], shrink=0.0, most_rows=3)
    assert (found > 0).tolist() == [
        [False, True, False, False],
        [True, False, False, False],
        [False, False, False, True],
        [False, False, True, False],
    ]


def test_a_large_catalogue_is_counted_by_blocks_of_items_and_keeps_fewer_followers(monkeypatch):
    rng = np.random.default_rng(0)
    histories = RaggedRows(row_splits=np.arange(41) * 12, rows=rng.integers(0, 25, 480).astype(np.int32))
    whole = find_transitions(histories, 25, 5, 3.0, 100, 1_000).similarities.toarray()
    monkeypatch.setattr(module, "BLOCK_ITEMS", 4)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 1)
    np.testing.assert_array_equal(find_transitions(histories, 25, 5, 3.0, 100, 1_000).similarities.toarray(), whole)
    monkeypatch.setattr(module, "MOST_ENTRIES", 75)
    monkeypatch.setattr(module, "LEAST_NEIGHBOURS", 2)
    fewer = find_transitions(histories, 25, 5, 3.0, 100, 1_000).similarities.toarray()
    assert (np.count_nonzero(fewer, axis=1) == 3).all()  # 75 entries of 25 items
    np.testing.assert_array_equal(fewer, np.where(fewer > 0, whole, 0))
    np.testing.assert_allclose(fewer.sum(axis=1), np.sort(whole, axis=1)[:, -3:].sum(axis=1), rtol=1e-6)
