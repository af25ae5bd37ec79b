"""Maps of vectors whose neighbourhoods are known."""

import sys

import numpy as np
import pytest

from components.embeddings.projection import method_for, project
from components.errors import InputError

GROUPS = np.repeat([0, 1, 2], 40)


def groups(dimensions=20):
    """Three groups of 40 vectors, far apart."""
    rng = np.random.default_rng(1)
    return (rng.normal(size=(3, dimensions))[GROUPS] * 5 + rng.normal(size=(120, dimensions)) * 0.1).astype(np.float32)


def share_of_own_group(points):
    """Of the ten points that are nearest to each."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.argsort(distances, axis=1)[:, 1:11]
    return (GROUPS[near] == GROUPS[:, None]).mean()


@pytest.mark.parametrize("method", ["tsne", "pca", pytest.param("umap", marks=pytest.mark.slow)])
def test_what_is_near_stays_near_and_the_same_vectors_give_the_same_map(method):
    first, again = (project(groups(), method, perplexity=15, seed=1) for _ in range(2))
    assert first.shape == (120, 2)
    assert share_of_own_group(first) > 0.99
    np.testing.assert_array_equal(first, again)


def test_pca_keeps_the_direction_in_which_vectors_differ_most():
    rng = np.random.default_rng(2)
    spread = rng.normal(size=50)
    vectors = np.outer(spread, [0, 3, 0, 0]) + rng.normal(size=(50, 4)) * 0.01
    points = project(vectors.astype(np.float32), "pca", perplexity=30, seed=1)
    assert abs(np.corrcoef(points[:, 0], spread)[0, 1]) > 0.999


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_few_items_are_drawn_by_pca(method):
    assert method_for(method, 9) == "pca"
    assert method_for(method, 10) == method
    points = project(groups()[:9], "tsne", perplexity=30, seed=1)
    np.testing.assert_array_equal(points, project(groups()[:9], "pca", perplexity=30, seed=1))


def test_ten_items_are_enough_for_tsne_at_its_usual_perplexity():
    assert np.isfinite(project(groups()[:10], "tsne", perplexity=30, seed=1)).all()


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (12, 1), (2, 1), (30, 5)])
def test_hardly_any_items_or_dimensions_and_vectors_that_are_all_the_same(method, shape):
    vectors = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    points = project(vectors, method, perplexity=30, seed=1)
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()
    same = np.full(shape, 0.3, np.float32)
    np.testing.assert_array_equal(project(same, method, perplexity=30, seed=1), np.zeros((shape[0], 2)))


def test_umap_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)  # as Python marks a module that cannot be imported
    with pytest.raises(InputError) as error:
        project(groups(), "umap", perplexity=30, seed=1)
    assert "umap-learn" in error.value.what
    assert "embeddings.map=tsne" in error.value.action
