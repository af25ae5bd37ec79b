"""Reciprocal rank of one user's list."""

from __future__ import annotations

from collections.abc import Sequence


def reciprocal_rank(item_ids: Sequence[bytes], held_out: frozenset[bytes]) -> float:
    """1 / position of the first held-out item, positions from 1; 0 where the list holds none.

    Positions come from the list as it was answered, so there are no ties.

    Args:
      item_ids: The list, best first, without repetitions.
      held_out: The items asked for.
    """
    return next((1.0 / rank for rank, item in enumerate(item_ids, 1) if item in held_out), 0.0)
