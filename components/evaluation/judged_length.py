"""How long the lists are that are judged."""

from __future__ import annotations


def judged_length(k: int, items: int) -> int:
    """`k`, or a tenth of the catalogue where that is shorter: the whole catalogue would hold every item.

    Args:
      k: Length that was asked for.
      items: Items in the catalogue.
    """
    return min(k, max(1, items // 10))
