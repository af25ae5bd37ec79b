"""Genres from vectors: figures by hand, and data of which the answer is known."""

import numpy as np
import pytest

from components.embeddings import collaborative
from components.embeddings.collaborative import collaborative_vectors
from components.embeddings.config import EmbeddingsConfig
from components.embeddings.genre_classifier import baselines, classify, frequent_genres
from components.embeddings.genre_report import genre_report
from components.embeddings.item_vectors import ItemVectors
from components.examples import Catalogue
from tests.components.bundle.small_bundle import ragged, strings

SETTINGS = {"folds": 5, "regularization": 0.01, "seed": 1}


def test_figures_without_looking_at_a_vector():
    # Of 5 items 2 have the genre. Always no: no hit, 0. Always yes: 2 hits, 3 false alarms: 4 / (4 + 3).
    two_of_five = baselines(0.4)
    assert two_of_five.majority_f1 == 0
    assert two_of_five.always_f1 == pytest.approx(4 / 7)
    assert two_of_five.chance == 0.4
    # 3 of 5: the more frequent answer is yes: 3 hits, 2 false alarms: 6 / (6 + 2).
    assert baselines(0.6).majority_f1 == pytest.approx(6 / 8) == baselines(0.6).always_f1


def test_a_genre_needs_items_with_and_without_it():
    genres = [["All", "Half"], ["All", "Half", "Half"], ["All"], ["All", "One"]]
    assert frequent_genres(genres, 2) == (["Half"], {"All": 4, "One": 1})
    assert frequent_genres([], 2) == ([], {})


def test_a_genre_that_the_vectors_show_is_told_and_one_that_they_do_not_show_is_not():
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(400, 6)).astype(np.float32)
    shown = classify(vectors, vectors[:, 2] > 1, **SETTINGS)
    assert shown.auc > 0.98
    assert shown.average_precision > 0.9
    assert shown.f1 > 0.7
    drawn = rng.random(400) < 0.25  # whatever the vectors are
    unseen = classify(vectors, drawn, **SETTINGS)
    assert unseen.auc == pytest.approx(0.5, abs=0.08)
    assert unseen.average_precision == pytest.approx(drawn.mean(), abs=0.08)
    assert unseen == classify(vectors, drawn, **SETTINGS)  # the same folds
    assert unseen != classify(vectors, drawn, **{**SETTINGS, "seed": 2})


def test_items_of_the_same_users_point_the_same_way_however_popular():
    # Users 0 to 5 have items 0 and 1, three of them item 2 as well; users 6 to 9 have items 3 and 4; nobody has 5.
    lists = [[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1], [0, 1], [0, 1], [3, 4, -1], [3, 4], [3, 4, 4], [3, 4]]
    vectors = collaborative_vectors(ragged(lists), 6, 2, seed=1)
    assert vectors.shape == (6, 2)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] == pytest.approx(1, abs=1e-5)
    assert cosines[0, 2] == pytest.approx(1, abs=1e-5)
    assert cosines[3, 4] == pytest.approx(1, abs=1e-5)
    assert cosines[0, 3] == pytest.approx(0, abs=1e-5)
    assert not vectors[5].any()


def test_there_are_fewer_dimensions_where_there_are_few_users_or_items():
    assert collaborative_vectors(ragged([[0, 1], [1, 2], [2]]), 3, 64, seed=1).shape == (3, 2)
    assert collaborative_vectors(ragged([[0, 1]]), 3, 64, seed=1).shape == (3, 0)
    assert collaborative_vectors(ragged([[], []]), 3, 64, seed=1).shape == (3, 0)


def test_of_very_many_rows_some_users_are_read_evenly_spread(monkeypatch):
    lists = [[0, 1], [1, 2], [2, 0], [0, 1], [1, 2], [3, 0]]
    monkeypatch.setattr(collaborative, "MOST_ROWS", 6)
    vectors = collaborative_vectors(ragged(lists), 4, 2, seed=1)
    monkeypatch.undo()
    np.testing.assert_allclose(vectors, collaborative_vectors(ragged([lists[0], lists[2], lists[4]]), 4, 2, seed=1))
    assert (vectors[3] == 0).all()


def watchers(items=120, users=80):
    """Users who watch one of two kinds of items; of every third item the kind is not known."""
    rng = np.random.default_rng(6)
    kind = np.arange(items) % 2
    lists = [rng.permutation(np.flatnonzero(kind == user % 2))[:25].tolist() for user in range(users)]
    genres = [[] if row % 3 == 0 else [[b"Western"], [b"Opera"]][kind[row]] for row in range(items)]
    ids = strings([str(row) for row in range(items)])
    counts = np.bincount(np.concatenate(lists), minlength=items)
    return lists, counts, Catalogue(item_ids=ids, titles=ids, genres=genres)


def vectors_of(items, told_content):
    indexed = np.random.default_rng(7).normal(size=(items, 5)).astype(np.float32)
    return ItemVectors(rows=np.arange(items), indexed=indexed, is_bias=np.arange(5) == 4, told_content=told_content)


def test_what_is_classified_comes_from_who_watches_what_where_the_model_was_told_the_genres():
    lists, counts, catalogue = watchers()
    report = genre_report(vectors_of(120, True), ragged(lists), counts, catalogue, EmbeddingsConfig())
    assert (report["vectors"], report["dimensions"], report["folds"]) == ("collaborative", 64, 5)
    assert report["items"] == 80  # two of three
    assert {entry["genre"]: entry["items"] for entry in report["genres"]} == {"Opera": 40, "Western": 40}
    for entry in report["genres"]:
        assert entry["auc"] > 0.95
        assert entry["whole_auc"] == pytest.approx(0.5, abs=0.2)  # vectors drawn at random
        assert (entry["majority_f1"], entry["chance"]) == (pytest.approx(2 / 3), 0.5)
    mean = np.mean([entry["f1"] for entry in report["genres"]])
    assert report["macro"]["f1"] == pytest.approx(mean)
    assert report["left_out"] == []


def test_a_model_that_was_not_told_the_genres_is_asked_itself():
    lists, counts, catalogue = watchers()
    report = genre_report(vectors_of(120, False), ragged(lists), counts, catalogue, EmbeddingsConfig())
    assert (report["vectors"], report["dimensions"]) == ("model", 4)
    assert report["macro"]["auc"] == pytest.approx(0.5, abs=0.15)
    assert report["macro"]["whole_auc"] is None
    assert report["genres"][0]["whole_f1"] is None


def test_rare_items_and_all_beyond_the_most_popular_are_left_out():
    lists, counts, catalogue = watchers()
    config = EmbeddingsConfig(genre_items=30, genre_least=10)
    assert genre_report(vectors_of(120, True), ragged(lists), counts, catalogue, config)["items"] == 30
    frequent = EmbeddingsConfig(genre_rows=int(counts.max()) + 1)
    report = genre_report(vectors_of(120, True), ragged(lists), counts, catalogue, frequent)
    assert (report["items"], report["genres"], report["macro"], report["left_out"]) == (0, [], None, [])


def test_one_user_tells_nothing_of_any_genre():
    _, counts, catalogue = watchers()
    report = genre_report(vectors_of(120, True), ragged([list(range(120))]), counts, catalogue, EmbeddingsConfig())
    assert (report["genres"], report["macro"]) == ([], None)
    assert report["left_out"] == [{"genre": "Opera", "items": 40}, {"genre": "Western", "items": 40}]
