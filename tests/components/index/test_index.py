"""Exact search, ScaNN, and the choice between them, against brute force in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.index.choice import RecallTooLowError, build, wants_scann
from components.index.config import IndexConfig
from components.index.scann_index import ScannIndex, ScannSetting
from components.index.search import ExactIndex


def vectors(size, dim=8, seed=0):
    return np.random.default_rng(seed).normal(size=(size, dim)).astype(np.float32)


def brute(queries, candidates, k):
    return np.argsort(-(queries @ candidates.T), axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("size", [1, 5, 31, 32, 33, 1_000])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_exact_search_equals_brute_force_and_pads_with_nothing(size, k):
    candidates, queries = vectors(size), vectors(3, seed=1)
    rows, scores = ExactIndex(candidates).search(tf.constant(queries), tf.constant(k))
    kept = min(k, size)
    np.testing.assert_array_equal(rows[:, :kept], brute(queries, candidates, k))
    np.testing.assert_allclose(scores[:, :kept], -np.sort(-(queries @ candidates.T), axis=1)[:, :k], rtol=1e-5)
    assert rows.shape == (3, k)
    assert (rows.numpy()[:, kept:] == -1).all()


def test_negative_scores_beat_the_padding():
    candidates = np.array([[-1.0], [-2.0]], np.float32)
    rows, _ = ExactIndex(candidates).search(tf.constant([[1.0]]), tf.constant(2))
    assert rows.numpy().tolist() == [[0, 1]]


def test_ties_are_broken_by_row():
    rows, _ = ExactIndex(np.ones([100, 2], np.float32)).search(tf.constant([[1.0, 1.0]]), tf.constant(5))
    assert rows.numpy().tolist() == [[0, 1, 2, 3, 4]]


def test_scann_that_searches_everything_equals_brute_force():
    candidates, queries = vectors(2_000), vectors(4, seed=1)
    index = ScannIndex(candidates, 40, ScannSetting(leaves_to_search=40, reorder=2_000))
    rows, _ = index.search(tf.constant(queries), tf.constant(100))
    np.testing.assert_array_equal(rows, brute(queries, candidates, 100))


def test_a_list_longer_than_what_scann_finds_is_padded_with_nothing():
    index = ScannIndex(vectors(200), 14, ScannSetting(leaves_to_search=1, reorder=5))
    rows, _ = index.search(tf.constant(vectors(2, seed=1)), tf.constant(150))
    found = rows.numpy()
    assert found.shape == (2, 150)
    assert ((found >= -1) & (found < 200)).all()
    for row in found:
        real = row[row >= 0]
        assert len(real) == len(set(real.tolist()))


def test_the_cheapest_setting_that_reaches_the_recall_is_chosen():
    candidates, queries = vectors(3_000, seed=2), vectors(50, seed=3)
    index, report = build(IndexConfig(min_recall=0.9), candidates, queries)
    assert (report.kind, report.size, report.k) == ("scann", 3_000, 100)
    rows, _ = index.search(tf.constant(queries), tf.constant(100))
    truth = brute(queries, candidates, 100)
    recall = np.mean([np.isin(best, got).mean() for best, got in zip(truth, rows.numpy(), strict=True)])
    assert report.recall == pytest.approx(recall, abs=1e-4)
    assert recall >= 0.9
    assert all(tried["recall"] < 0.9 for tried in report.curve[:-1])


def test_an_index_that_misses_the_recall_fails(monkeypatch):
    from components.index import choice

    # Only settings that look into one leaf and reorder next to nothing.
    monkeypatch.setattr(choice, "settings_for", lambda *_: [ScannSetting(leaves_to_search=1, reorder=100)])
    with pytest.raises(RecallTooLowError, match="min_recall"):
        build(IndexConfig(min_recall=0.99), vectors(3_000), vectors(20, seed=1))


@pytest.mark.parametrize(
    ("kind", "movies", "expected"),
    [("auto", 999, False), ("auto", 1_000, True), ("exact", 5_000, False), ("scann", 500, True), ("scann", 99, False)],
)
def test_scann_is_for_catalogues_that_are_large_enough(kind, movies, expected):
    assert wants_scann(IndexConfig(kind=kind), movies) is expected
