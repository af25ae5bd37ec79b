"""The nearest items of every item, by the angle between their vectors."""

from __future__ import annotations

import numpy as np

from components.examples import Floats, Longs

BLOCK = 256


def of_length_one(vectors: Floats) -> Floats:
    """Vectors `[N, D]` divided by their lengths; 0 stays 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    divided: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return divided


def nearest(vectors: Floats, n: int) -> Longs:
    """Positions of the nearest others of every vector, by cosine, the nearest first.

    Args:
      vectors: float32 `[N, D]`; the cosine with a vector of zeros is 0.
      n: How many; fewer where there are fewer others.

    Returns:
      int64 `[N, min(n, N - 1)]`; equally near ones in the order of their positions.
    """
    units = of_length_one(vectors)
    kept = max(0, min(n, len(units) - 1))
    found = np.zeros((len(units), kept), np.int64)
    for start in range(0, len(units), BLOCK):
        cosines = units[start : start + BLOCK] @ units.T
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -np.inf
        found[start : start + BLOCK] = np.argsort(-cosines, axis=1, kind="stable")[:, :kept]
    return found
