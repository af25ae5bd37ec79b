"""Reciprocal rank of one user's list."""

from __future__ import annotations

from collections.abc import Sequence


def reciprocal_rank(movie_ids: Sequence[bytes], held_out: frozenset[bytes]) -> float:
    """1 / position of the first held-out movie, positions from 1; 0 where the list holds none.

    Positions come from the list as it was answered, so there are no ties.

    Args:
      movie_ids: The list, best first, without repetitions.
      held_out: The movies asked for.
    """
    return next((1.0 / rank for rank, movie in enumerate(movie_ids, 1) if movie in held_out), 0.0)
