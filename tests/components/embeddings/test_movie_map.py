"""The map of a catalogue of five."""

import numpy as np

from components.embeddings.config import EmbeddingsConfig
from components.embeddings.movie_map import movie_map
from components.embeddings.movie_vectors import MovieVectors
from components.examples import Catalogue
from tests.components.bundle.small_bundle import strings


def catalogue():
    ids = strings(["a", "b", "c", "d", "e"])
    ids[3] = b"\xff"  # no text
    return Catalogue(movie_ids=ids, titles=ids, genres=[[b"Drama", b"War"], [], [], [], []])


# Directions: a and c 0°, b 90°, e 10°; the last column is a bias, which would make b and e alike.
VECTORS = MovieVectors(
    indexed=np.array([[1, 0, 0], [0, 1, 9], [2, 0, 0], [1, 1, 0], [0.985, 0.174, 9]], np.float32),
    is_bias=np.array([False, False, True]),
    told_content=True,
)


def test_the_movies_with_the_most_rows_with_their_neighbours_by_angle():
    drawn = movie_map(VECTORS, np.array([5, 7, 5, 9, 1]), catalogue(), EmbeddingsConfig(neighbours=2))
    assert (drawn["method"], drawn["catalogue"]) == ("pca", 5)  # too few for t-SNE
    assert [movie["movie_id"] for movie in drawn["movies"]] == ["b", "a", "c", "e"]
    assert [movie["rows"] for movie in drawn["movies"]] == [7, 5, 5, 1]
    assert drawn["movies"][1]["genres"] == ["Drama", "War"]
    assert {m["movie_id"]: m["neighbours"] for m in drawn["movies"]} == {
        "b": ["e", "a"],
        "a": ["c", "e"],
        "c": ["a", "e"],
        "e": ["a", "c"],
    }
    points = {movie["movie_id"]: (movie["x"], movie["y"]) for movie in drawn["movies"]}
    assert points["a"] == points["c"] != points["b"]


def test_a_map_that_is_too_small_for_all_has_neighbours_on_it_only():
    drawn = movie_map(VECTORS, np.array([5, 7, 5, 9, 1]), catalogue(), EmbeddingsConfig(map_movies=2))
    assert {m["movie_id"]: m["neighbours"] for m in drawn["movies"]} == {"b": ["a"], "a": ["b"]}
