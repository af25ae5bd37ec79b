"""Vectors of many dimensions as points of a plane.

t-SNE: van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008, in the Barnes-Hut form of
van der Maaten, JMLR 15, 2014 (scikit-learn). UMAP: McInnes, Healy & Melville, arXiv:1802.03426 (umap-learn).
Both start from the first two principal components, so that the same vectors give the same map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.embeddings.config import PCA, TSNE, UMAP
from components.errors import InputError
from components.examples import Floats

Points = npt.NDArray[np.float64]

FEWEST = 10
"""Points from which on neighbourhoods mean anything; fewer are drawn by PCA."""

COMPONENTS = 50
"""Principal components that t-SNE and UMAP see: what the first paper does, and faster."""

STEPS, ANGLE = 500, 0.8
"""Settings of t-SNE: half of the usual steps and coarser sums keep as many neighbours (docs/embeddings.md)."""

SAME = 1e-6
"""Spread of the first component below which all vectors are one but for rounding."""


def method_for(method: str, points: int) -> str:
    """The method that so many points are drawn by."""
    return method if points >= FEWEST else PCA


def require_method(method: str) -> None:
    """Raises an InputError where the package that a method needs is not installed."""
    if method != UMAP:
        return
    try:
        import umap  # noqa: F401
    except ImportError as error:
        raise InputError(
            "embeddings.map = umap needs the package umap-learn",
            expected="umap-learn installed with this project: `pip install tfx-recommenders[umap]`",
            received=f"{type(error).__name__}: {error}",
            action="install it, or set embeddings.map=tsne",
        ) from error


def project(vectors: Floats, method: str, *, perplexity: float, seed: int) -> Points:
    """Puts vectors on a plane.

    Args:
      vectors: float32 `[N, D]`.
      method: `tsne`, `umap` or `pca`; below FEWEST points it is PCA whatever is asked for.
      perplexity: About how many neighbours t-SNE keeps together; at most a third of the others.
      seed: Of everything that is drawn at random.

    Returns:
      float64 `[N, 2]`; zeros where all vectors are the same.

    Raises:
      InputError: UMAP without its package.
    """
    require_method(method)
    reduced = _principal_components(vectors, seed)
    if len(reduced) < 2 or reduced[:, 0].std() < SAME:
        return np.zeros((len(vectors), 2))
    drawn = {PCA: _first_two, TSNE: _by_tsne, UMAP: _by_umap}[method_for(method, len(vectors))]
    return np.asarray(drawn(reduced, perplexity, seed), np.float64)


def _principal_components(vectors: Floats, seed: int) -> Points:
    """The vectors' first COMPONENTS principal components, and two columns even where there are fewer."""
    from sklearn import decomposition

    columns = min(COMPONENTS, *vectors.shape)
    if columns == 0 or len(vectors) < 2:
        return np.zeros((len(vectors), 2))
    with np.errstate(invalid="ignore"):  # vectors that are all the same have no variance to be explained
        reduced = decomposition.PCA(columns, random_state=seed).fit_transform(vectors.astype(np.float64))
    return np.pad(reduced, ((0, 0), (0, max(0, 2 - columns))))


def _first_two(reduced: Points, perplexity: float, seed: int) -> Any:
    return reduced[:, :2]


def _by_tsne(reduced: Points, perplexity: float, seed: int) -> Any:
    from sklearn import manifold

    at_most = (len(reduced) - 1) / 3
    return manifold.TSNE(
        perplexity=min(perplexity, at_most), init="pca", max_iter=STEPS, angle=ANGLE, random_state=seed
    ).fit_transform(reduced)


def _by_umap(reduced: Points, perplexity: float, seed: int) -> Any:
    import umap

    start = reduced[:, :2] / reduced[:, 0].std()
    neighbours = min(15, len(reduced) - 1)
    return umap.UMAP(n_neighbors=neighbours, init=start, random_state=seed, n_jobs=1).fit_transform(reduced)
