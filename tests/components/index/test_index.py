"""Exact search, ScaNN, and the choice between them, against brute force in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components import progress
from components.index.choice import Chosen, RecallTooLowError, build, wants_scann
from components.index.config import IndexConfig
from components.index.scann_index import ScannIndex, ScannSetting, settings_for
from components.index.search import ExactIndex


def vectors(size, dim=8, seed=0):
    return np.random.default_rng(seed).normal(size=(size, dim)).astype(np.float32)


def brute(queries, candidates, k):
    return np.argsort(-(queries @ candidates.T), axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("size", [1, 5, 31, 32, 33, 1_000])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_exact_search_equals_brute_force(size, k):
    candidates, queries, k = vectors(size), vectors(3, seed=1), min(k, size)
    rows, scores = ExactIndex(candidates).search(tf.constant(queries), tf.constant(k))
    np.testing.assert_array_equal(rows, brute(queries, candidates, k))
    np.testing.assert_allclose(scores, -np.sort(-(queries @ candidates.T), axis=1)[:, :k], rtol=1e-5)


@pytest.mark.parametrize("queries", [0, 1, 4, 9])
def test_more_scores_than_fit_in_memory_are_computed_in_parts(monkeypatch, queries):
    from components.index import search

    monkeypatch.setattr(search, "SCORES_AT_ONCE", 400)  # four queries of 100 candidates
    candidates, asked = vectors(100), vectors(queries, seed=1)
    rows, _ = tf.function(ExactIndex(candidates).search, autograph=False)(tf.constant(asked), tf.constant(5))
    np.testing.assert_array_equal(rows, brute(asked, candidates, 5))


def test_a_lowered_last_candidate_does_not_come_back_by_the_padding():
    # 33 candidates: the second block is filled up with 31 copies of the last and best one.
    candidates = np.arange(33, dtype=np.float32)[:, None]
    index = ExactIndex(candidates)
    scores = index.scores(tf.constant([[1.0]])).numpy()
    scores[0, 32] = tf.float32.min
    rows, _ = index.best(tf.constant(scores), tf.constant(1))
    assert rows.numpy().tolist() == [[31]]


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


def test_where_scann_finds_less_than_a_list_asks_for_the_rest_has_the_lowest_score():
    index = ScannIndex(vectors(200), 14, ScannSetting(leaves_to_search=1, reorder=5))
    rows, scores = (part.numpy() for part in index.search(tf.constant(vectors(2, seed=1)), tf.constant(150)))
    assert rows.shape == scores.shape == (2, 150)
    for row, score in zip(rows, scores, strict=True):
        real = row[score > tf.float32.min]
        assert 0 < len(real) < 150
        assert len(real) == len(set(real.tolist()))
        assert ((real >= 0) & (real < 200)).all()


def test_the_cheapest_setting_that_reaches_the_recall_is_chosen():
    candidates, queries = vectors(3_000, seed=2), vectors(50, seed=3)
    index, report = build(IndexConfig(min_recall=0.9), candidates, queries)
    assert (report.kind, report.size, report.k) == ("scann", 3_000, 100)
    rows, _ = index.search(tf.constant(queries), tf.constant(100))
    truth = brute(queries, candidates, 100)
    recall = np.mean([np.isin(best, got).mean() for best, got in zip(truth, rows.numpy(), strict=True)])
    assert report.recall == pytest.approx(recall, abs=1e-4)
    assert recall >= 0.9
    assert min(report.recall, report.short_recall) >= 0.9
    assert all(min(tried["recall"], tried["short_recall"]) < 0.9 for tried in report.curve[:-1])
    assert all(tried["microseconds"] > 0 for tried in report.curve)
    assert report.exact_microseconds > 0
    chosen = report.curve[-1]
    assert (chosen["leaves_to_search"], chosen["reorder"]) == (report.leaves_to_search, report.reorder)


def test_before_everything_is_searched_more_is_reordered():
    settings = settings_for(1_000_000, 2_000)
    half, whole = (ScannSetting(leaves_to_search=leaves, reorder=4_000) for leaves in (1_000, 2_000))
    assert settings.index(half) < settings.index(whole)
    assert {setting.reorder for setting in settings_for(300, 17)} == {200, 300}  # no more than there are


def poor_settings(monkeypatch):
    """Only settings that look into one leaf and reorder next to nothing."""
    from components.index import choice

    monkeypatch.setattr(choice, "settings_for", lambda *_: [ScannSetting(leaves_to_search=1, reorder=100)])


def test_scann_that_is_asked_for_and_misses_the_recall_fails(monkeypatch):
    poor_settings(monkeypatch)
    with pytest.raises(RecallTooLowError, match="min_recall"):
        build(IndexConfig(kind="scann", min_recall=0.99), vectors(3_000), vectors(20, seed=1))


def test_where_the_choice_is_free_and_scann_misses_the_recall_the_index_is_exact_and_says_so(monkeypatch):
    poor_settings(monkeypatch)
    warnings = []
    monkeypatch.setattr(progress, "warn", lambda message, *arguments: warnings.append(message % arguments))
    candidates, queries = vectors(3_000), vectors(20, seed=1)
    index, report = build(IndexConfig(kind="auto", min_recall=0.99), candidates, queries)
    assert (report.kind, report.recall, report.leaves) == ("exact", 1.0, 0)
    (tried,) = report.curve  # what ScaNN came to stays on record
    assert tried["recall"] < 0.99
    assert len(warnings) == 1 and "the index is exact instead" in warnings[0] and "0.990" in warnings[0]
    rows, _ = index.search(tf.constant(queries), tf.constant(100))
    np.testing.assert_array_equal(rows, brute(queries, candidates, 100))


@pytest.mark.parametrize(
    ("kind", "items", "expected"),
    [("auto", 999, False), ("auto", 1_000, True), ("exact", 5_000, False), ("scann", 500, True), ("scann", 99, False)],
)
def test_scann_is_for_catalogues_that_are_large_enough(kind, items, expected):
    assert wants_scann(IndexConfig(kind=kind), items) is expected


def test_a_successor_of_a_judged_index_begins_at_its_setting_and_stays_exact_where_that_was_exact():
    candidates, queries, config = vectors(2_000, seed=3), vectors(50, seed=4), IndexConfig(min_recall=0.01)
    _, cheapest = build(config, candidates, queries)
    kinds = ("kind", "leaves_to_search", "reorder")
    dearer = settings_for(2_000, cheapest.leaves)[4]
    judged = dict(zip(kinds, ("scann", dearer.leaves_to_search, dearer.reorder), strict=True))
    _, begun = build(config, candidates, queries, Chosen.of(judged))
    assert settings_for(2_000, cheapest.leaves).index(dearer) > 0
    assert (cheapest.leaves_to_search, cheapest.reorder) != (dearer.leaves_to_search, dearer.reorder)
    assert (begun.leaves_to_search, begun.reorder) == (dearer.leaves_to_search, dearer.reorder)
    assert len(begun.curve) == 1

    exact = Chosen.of(dict(zip(kinds, ("exact", 0, 0), strict=True)))
    index, report = build(config, candidates, queries, exact)
    assert (type(index), report.kind, report.curve) == (ExactIndex, "exact", [])
    _, report = build(IndexConfig(kind="scann", min_recall=0.01), candidates, queries, exact)
    assert report.kind == "scann"
