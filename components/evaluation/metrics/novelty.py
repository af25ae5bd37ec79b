"""Novelty: how little known the items are that a list shows."""

from __future__ import annotations

import math
from collections.abc import Mapping


def novelty(shown: Mapping[bytes, int], rows: Mapping[bytes, int], catalogue_size: int) -> float:
    """Mean self-information of the items shown, in bits: `Σ_i x_i · -log2 p(i) / Σ x`.

    `p(i) = (training rows of i + 1) / (all training rows + N)`: one row is lent to every item, so that a new one
    has a number. From 0 up; a list of unpopular items is novel, and so is a random one: it says nothing alone
    (Vargas & Castells, RecSys 2011). NaN where nothing is shown or nothing is known of the training rows.

    Args:
      shown: How often each item is shown.
      rows: Training rows of each item; those without may be missing.
      catalogue_size: N.
    """
    total = sum(shown.values())
    if not total or not rows:
        return math.nan
    whole = sum(rows.values()) + catalogue_size
    bits = math.fsum(count * -math.log2((rows.get(item, 0) + 1) / whole) for item, count in shown.items())
    return bits / total
