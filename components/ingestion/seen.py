"""What the lists of held-out rows leave out of what their users have had before."""

from __future__ import annotations

import numpy as np

from components.examples import Ints, Longs
from components.ingestion.histories import UserRanges
from components.ingestion.interactions import Rows
from components.seen_rule import ALWAYS, DAY_SECONDS, NEVER, SeenRule


def left_out(
    rule: SeenRule, rows: Rows, known: UserRanges, users: Ints, most: Longs | Ints, moments: Longs
) -> tuple[Longs, Longs]:
    """What lists leave out, as positions `[total]` and offsets `[lists + 1]`.

    Args:
      rule: What lists leave out.
      rows: A block.
      known: Rows of each user that came before.
      users: The user of each list, -1 for an empty one.
      most: How many of the latest rows each list may hold.
      moments: Unix seconds at which each list is asked for.
    """
    if rule.kind == NEVER:
        return np.zeros(0, np.int64), np.zeros(len(users) + 1, np.int64)
    positions, offsets = known.of(users, most)
    if rule.kind == ALWAYS:
        return positions, offsets
    owner = np.repeat(np.arange(len(users)), np.diff(offsets))
    kept = rows.timestamps[positions] >= moments[owner] - rule.days * DAY_SECONDS
    return positions[kept], np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=len(users)))])
