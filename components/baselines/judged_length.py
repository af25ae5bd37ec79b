"""How long the lists are that are judged."""

from __future__ import annotations


def judged_length(k: int, live_items: int) -> int:
    """`k`, or a tenth of the items that have rows where that is shorter: a list of all of them would hold every hit.

    Args:
      k: Length that was asked for.
      live_items: Items with training rows: what nobody had makes no list of popular items any longer.
    """
    return min(k, max(1, live_items // 10))
