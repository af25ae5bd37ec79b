"""The map of a catalogue of five."""

import numpy as np

from components.embeddings.config import EmbeddingsConfig
from components.embeddings.item_map import item_map
from components.embeddings.item_vectors import ItemVectors
from components.examples import Catalogue
from tests.components.bundle.small_bundle import strings


def catalogue():
    ids = strings(["a", "b", "c", "d", "e"])
    return Catalogue(item_ids=ids, titles=ids, genres=[[b"Drama", b"War"], [], [], [], []])


# Directions: a and c 0°, b 90°, d 45°, e 10°; the last column is a bias, which would make b and e alike.
VECTORS = ItemVectors(
    rows=np.arange(5),
    indexed=np.array([[1, 0, 0], [0, 1, 9], [2, 0, 0], [1, 1, 0], [0.985, 0.174, 9]], np.float32),
    is_bias=np.array([False, False, True]),
    told_content=True,
)


def test_the_items_with_the_most_rows_with_their_neighbours_by_angle():
    drawn = item_map(VECTORS, np.array([5, 7, 5, 9, 1]), catalogue(), EmbeddingsConfig(neighbours=2))
    assert (drawn["method"], drawn["catalogue"]) == ("pca", 5)  # too few for t-SNE
    assert [item["item_id"] for item in drawn["items"]] == ["d", "b", "a", "c", "e"]
    assert [item["rows"] for item in drawn["items"]] == [9, 7, 5, 5, 1]
    assert drawn["items"][2]["genres"] == ["Drama", "War"]
    assert {m["item_id"]: m["neighbours"] for m in drawn["items"]} == {
        "d": ["e", "b"],  # a, b and c are as near: the one with the most rows
        "b": ["d", "e"],
        "a": ["c", "e"],
        "c": ["a", "e"],
        "e": ["a", "c"],
    }
    points = {item["item_id"]: (item["x"], item["y"]) for item in drawn["items"]}
    assert points["a"] == points["c"] != points["b"]


def test_a_map_that_is_too_small_for_all_has_neighbours_on_it_only():
    drawn = item_map(VECTORS, np.array([5, 7, 5, 9, 1]), catalogue(), EmbeddingsConfig(map_items=2))
    assert {m["item_id"]: m["neighbours"] for m in drawn["items"]} == {"d": ["b"], "b": ["d"]}
