"""Neighbours by the angle."""

import numpy as np

from components.embeddings.neighbours import nearest, of_length_one


def test_the_nearest_by_cosine_whatever_the_lengths():
    # Angles 0°, 90°, 10°, 45° (at ten times the length), and no direction at all.
    degrees = np.radians([0, 90, 10, 45])
    vectors = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    vectors[3] *= 10
    vectors = np.append(vectors, [[0, 0]], axis=0).astype(np.float32)
    assert nearest(vectors, 2).tolist() == [[2, 3], [3, 2], [0, 3], [2, 0], [0, 1]]


def test_equal_ones_come_in_the_order_of_their_positions_and_none_is_its_own_neighbour():
    assert nearest(np.ones((4, 3), np.float32), 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_there_are_never_more_neighbours_than_others():
    assert nearest(np.ones((3, 2), np.float32), 10).shape == (3, 2)
    assert nearest(np.ones((1, 2), np.float32), 10).shape == (1, 0)
    assert nearest(np.zeros((0, 2), np.float32), 10).shape == (0, 0)


def test_blocks_do_not_matter():
    vectors = np.random.default_rng(3).normal(size=(700, 8)).astype(np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -2)
    assert (nearest(vectors, 10) == np.argsort(-cosines, axis=1, kind="stable")[:, :10]).mean() > 0.999


def test_a_vector_of_zeros_stays_one():
    assert of_length_one(np.array([[3, 4], [0, 0]], np.float32)).tolist() == [
        [np.float32(0.6), np.float32(0.8)],
        [0, 0],
    ]
