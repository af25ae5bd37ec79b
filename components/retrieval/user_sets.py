"""Training rows for data without an order: each user's movies as a set."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from components.examples import Ints, Longs, RaggedRows


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserSetSampler:
    """Yields whole users, a batch at a time; nothing is cut off, for a movie that is left out would count as unwanted.

    Attributes:
      sequences: Training rows of each user.
      most_rows: Most users of an epoch.
    """

    sequences: RaggedRows
    most_rows: int | None = None

    @property
    def rows_per_epoch(self) -> int:
        """Number of training rows in an epoch: users with two movies or more."""
        return len(self._users) if self.most_rows is None else min(len(self._users), self.most_rows)

    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[tuple[Ints, Ints]]:
        """Yields batches of an epoch in random order.

        Returns:
          `history` int32 `[batch, longest]`, catalogue rows, -1 behind; `targets` int32 `[batch, 0]`.
        """
        users = rng.permutation(self._users)[: self.rows_per_epoch]
        batches = max(1, -(-len(users) // batch_size))
        for part in np.array_split(users, batches):
            yield self._sets(part), np.zeros((len(part), 0), np.int32)

    @functools.cached_property
    def _users(self) -> Longs:
        return np.flatnonzero(np.diff(self.sequences.row_splits) >= 2)

    def _sets(self, users: Longs) -> Ints:
        chosen = [self.sequences[user] for user in users]
        rows = np.full((len(users), max(map(len, chosen))), -1, np.int32)
        for row, movies in zip(rows, chosen, strict=True):
            row[: len(movies)] = movies
        return rows
