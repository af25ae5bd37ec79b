"""Gini coefficient: how unevenly a list shows the items of a catalogue."""

from __future__ import annotations

import math
from collections.abc import Iterable


def gini(shown: Iterable[int], catalogue_size: int) -> float:
    """`Σ_i (2 i - N - 1) x_i / (N Σ x)` over the N items of the catalogue in the order of `x`, the smallest first.

    From 0 (every item is shown as often) to 1 - 1/N (one item takes everything). Items that are never shown
    count with 0; the order of ties does not matter. NaN where nothing is shown, or the catalogue's size is
    not known (0).

    Args:
      shown: How often each item that is shown at all is shown; no more than `catalogue_size` numbers.
      catalogue_size: N.
    """
    counts = sorted(shown)
    total = sum(counts)
    if not total or not catalogue_size:
        return math.nan
    unseen = catalogue_size - len(counts)
    weighted = sum((2 * (unseen + rank) - catalogue_size - 1) * count for rank, count in enumerate(counts, 1))
    return weighted / (catalogue_size * total)
