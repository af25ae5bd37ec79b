"""What was known of a user before the held-out rows: histories, seen items, and the marked rows.

All functions take a block of rows by user, each user's oldest first.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from components.examples import Longs
from components.ingestion.interactions import Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserRanges:
    """Positions of rows, user by user: user `u` has `positions[splits[u]:splits[u + 1]]`, oldest first.

    Attributes:
      positions: int64 positions in the rows.
      splits: int64, `[users + 1]`.
    """

    positions: Longs
    splits: Longs

    def counts(self) -> Longs:
        """Rows of each user, `[users]`."""
        return np.diff(self.splits)

    def of(
        self, users: npt.NDArray[np.integer[Any]], last: int | npt.NDArray[np.integer[Any]] | None = None
    ) -> tuple[Longs, Longs]:
        """The positions of several users one after the other, and their offsets.

        Args:
          users: User of each wanted list, `[lists]`; repeats are allowed, -1 stands for an empty list.
          last: Only that many of a user's latest rows, one number or one a list; None = all.

        Returns:
          Positions `[total]` and offsets `[lists + 1]`.
        """
        counts = np.where(users < 0, 0, self.counts()[users])
        lengths = counts if last is None else np.minimum(counts, last)
        ends = self.splits[users + 1]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return self.positions[np.repeat(ends - lengths, lengths) + within], offsets


def ranges(rows: Rows, chosen: npt.NDArray[np.bool_]) -> UserRanges:
    """Each user's rows where `chosen`."""
    positions = np.flatnonzero(chosen)
    counts = np.bincount(rows.users[positions], minlength=rows.user_count)
    return UserRanges(positions=positions, splits=np.concatenate([[0], np.cumsum(counts)]))


def marked(users: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """Whether a row is the first of its user, for rows that stand user by user."""
    return np.append(True, users[1:] != users[:-1])[: len(users)]
