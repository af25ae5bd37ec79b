"""NDCG@k of one user's list, with binary gains."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence


def ndcg(item_ids: Sequence[bytes], held_out: frozenset[bytes], cut_off: int) -> float:
    """Normalized discounted cumulative gain of the first `cut_off` of the list, from 0 to 1.

    `DCG@k = Σ_{i=1..k} [list_i is held out] / log2(i + 1)`, divided by the DCG@k of a list that
    begins with the held-out items: `Σ_{i=1..min(k, |held_out|)} 1 / log2(i + 1)`
    (Järvelin & Kekäläinen 2002, with gains of 1).

    A gain is 1 for a held-out item whatever its stars, else 0. Positions come from the list as it
    was answered, so there are no ties. A list shorter than k is judged whole, against the same ideal.

    Args:
      item_ids: The list, best first, without repetitions.
      held_out: The items asked for, at least one.
      cut_off: k.
    """
    gained = sum(_discount(i) for i, item in enumerate(item_ids[:cut_off]) if item in held_out)
    return gained / _ideal(min(cut_off, len(held_out)))


def _discount(position: int) -> float:
    return 1.0 / math.log2(position + 2)


@functools.lru_cache(maxsize=1024)
def _ideal(hits: int) -> float:
    return sum(map(_discount, range(hits)))
