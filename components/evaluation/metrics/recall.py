"""Recall@k of one user's list."""

from __future__ import annotations

from collections.abc import Sequence


def recall(item_ids: Sequence[bytes], held_out: frozenset[bytes], cut_off: int) -> float:
    """Share of the held-out items among the first `cut_off` of the list, from 0 to 1.

    `|first k of list ∩ held_out| / |held_out|`

    The denominator is the number of the user's held-out items, also where that exceeds k (the most
    that can be reached is then below 1). Order within the list, hence ties, plays no part. A list
    that is shorter than k is judged whole.

    Args:
      item_ids: The list, best first, without repetitions.
      held_out: The items asked for, at least one.
      cut_off: k.
    """
    return len(held_out.intersection(item_ids[:cut_off])) / len(held_out)
