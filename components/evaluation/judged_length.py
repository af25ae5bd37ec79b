"""How long the lists are that are judged."""

from __future__ import annotations


def judged_length(k: int, movies: int) -> int:
    """`k`, or a tenth of the catalogue where that is shorter: the whole catalogue would hold every movie.

    Args:
      k: Length that was asked for.
      movies: Movies in the catalogue.
    """
    return min(k, max(1, movies // 10))
