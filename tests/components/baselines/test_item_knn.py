"""Item-kNN against a brute force, and by hand; popularity."""

from __future__ import annotations

import numpy as np
import pytest

from components.baselines import item_knn
from components.baselines.item_knn import find_neighbours, most_popular, recommend
from components.examples import RaggedRows


def ragged(*lists, weights=()):
    return RaggedRows(
        row_splits=np.cumsum([0, *map(len, lists)]).astype(np.int64),
        rows=np.array([row for one in lists for row in one], np.int32),
        weights=np.array(weights, np.float32),
    )


def test_similarities_by_hand():
    # Item 0 has 2 users, 1 has 3, 2 has 1; 0 and 1 share two of them, 1 and 2 share one.
    found = find_neighbours(ragged([0, 1], [1, 0], [2, 1]), items=4, neighbours=5, longest=10)
    similarities = found.similarities.toarray()
    assert similarities[0] == pytest.approx([0, 2 / np.sqrt(2 * 3), 0, 0])
    assert similarities[1] == pytest.approx([2 / np.sqrt(2 * 3), 0, 1 / np.sqrt(3), 0])


def test_what_is_had_again_and_again_counts_more_but_less_and_less_so():
    # The first user had 0 three times and 1 once, the second 0 and 2 once: log2(1 + 3) = 2, log2(1 + 1) = 1.
    found = find_neighbours(ragged([0, 0, 1, 0], [0, 2]), items=3, neighbours=5, longest=10)
    norm = np.sqrt(2**2 + 1**2)
    assert found.similarities.toarray()[0] == pytest.approx([0, 2 / norm, 1 / norm])
    weighed = find_neighbours(ragged([0, 1], [0, 2], weights=[3, 1, 1, 1]), items=3, neighbours=5, longest=10)
    np.testing.assert_allclose(weighed.similarities.toarray(), found.similarities.toarray())


def test_an_item_counts_only_among_its_most_similar_ones_and_in_the_latest_rows():
    nearest = find_neighbours(ragged([0, 1], [1, 0], [2, 1]), items=4, neighbours=1, longest=10).similarities
    assert nearest[1].indices.tolist() == [0]
    assert nearest[2].indices.tolist() == [1]
    latest = find_neighbours(ragged([0, 1, 2]), items=3, neighbours=5, longest=2).similarities
    assert latest.toarray()[0].tolist() == [0, 0, 0]
    assert latest.toarray()[1].tolist() == [0, 0, 1]


def test_recent_items_weigh_more_and_the_rest_is_filled_with_popular_ones():
    sequences = ragged([0, 3], [0, 3], [1, 4], [1, 4], [5], [5], [5], [2])
    found = find_neighbours(sequences, items=7, neighbours=5, longest=10)
    popularity = np.array([2.0, 2, 1, 2, 2, 3, 0])

    def lists(history, left_out, half_life, n=4):
        (best,) = recommend(found, popularity, ragged(history), ragged(left_out), n, half_life)
        return best.tolist()

    # 3 is as similar to 0 as 4 is to 1: the later item of the history decides, without a half-life the catalogue.
    assert lists([0, 1], [0, 1], 1.0) == [4, 3, 5, 2]
    assert lists([1, 0], [0, 1], 1.0) == [3, 4, 5, 2]
    assert lists([0, 1], [0, 1], 0.0) == [3, 4, 5, 2]
    assert lists([-1, 0], [0, 3, -1], 1.0) == [5, 1, 4, 2]
    assert lists([], [], 1.0, n=2) == [5, 0]
    assert lists([0], range(7), 1.0) == []


@pytest.mark.parametrize("block", [3, 512])
def test_lists_equal_a_brute_force(block, monkeypatch):
    monkeypatch.setattr(item_knn, "BLOCK_ITEMS", block)
    monkeypatch.setattr(item_knn, "BLOCK_USERS", block)
    generator = np.random.default_rng(1)
    items, neighbours, half_life, n = 40, 6, 3.0, 8
    users = [generator.permutation(items)[: generator.integers(1, 15)] for _ in range(60)]
    found = find_neighbours(ragged(*users), items, neighbours, longest=100)

    seen_by = np.array([[item in user for item in range(items)] for user in users], float)
    together = seen_by.T @ seen_by
    counts = np.diag(together)
    cosine = together / np.sqrt(np.maximum(np.outer(counts, counts), 1))
    np.fill_diagonal(cosine, 0)
    near = np.zeros_like(cosine)
    for item in range(items):
        best = np.lexsort((np.arange(items), -cosine[item].astype(np.float32)))[:neighbours]
        near[item, best] = cosine[item, best]
    popular = np.lexsort((np.arange(items), -counts))
    for user, got in zip(users, recommend(found, counts, ragged(*users), ragged(*users), n, half_life), strict=True):
        weights = np.zeros(items)
        weights[user[::-1]] = 2.0 ** (-np.arange(len(user)) / half_life)
        scores = weights @ near
        scores[user] = 0
        assert scores[got] == pytest.approx(np.sort(scores)[::-1][:n], abs=1e-6)  # ties may stand in another order
        rest = [item for item in popular if item not in user and item not in got[: np.count_nonzero(scores)]]
        assert got[np.count_nonzero(scores) :].tolist() == rest[: max(0, n - np.count_nonzero(scores))]


def test_popular_items_in_order_without_those_left_out():
    lists = most_popular(np.array([2, 5, 5, 0, 9]), ragged([4], [], [0, 1, 2, 3, 4]), 3)
    assert [one.tolist() for one in lists] == [[1, 2, 0], [4, 1, 2], []]
