"""Popularity: what is recommended where there is no history."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.examples import Floats, Ints, RaggedRows

Doubles = npt.NDArray[np.float64]


def popularity(sequences: RaggedRows, items: int, liked_from: float | None = None) -> Doubles:
    """The sum of the weights of each item's rows, float64 `[items]`; dislikes do not count."""
    liked = sequences if liked_from is None else sequences.where(sequences.ratings >= liked_from)
    return np.asarray(np.bincount(liked.rows, weights=liked.row_weights(), minlength=items), np.float64)


def shares(counts: Doubles) -> Floats:
    """Share of all weights, float32 `[items]`; 0 where there are none."""
    of_all: Floats = (counts / max(1e-12, counts.sum())).astype(np.float32)
    return of_all


def popular_order(counts: Doubles) -> Ints:
    """Catalogue rows from most to least popular, ties by catalogue row, int32 `[items]`."""
    return np.argsort(-counts, kind="stable").astype(np.int32)
