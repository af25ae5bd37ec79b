"""Training rows for data without an order: each user's items as a set."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from components.examples import Floats, Ints, Longs, RaggedRows
from components.retrieval.cuts import no_contexts


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserSetSampler:
    """Yields whole users, a batch at a time; nothing is cut off, for an item that is left out would count as unwanted.

    Attributes:
      sequences: Training rows of each user.
      most_rows: Most users of an epoch.
    """

    sequences: RaggedRows
    most_rows: int | None = None

    @property
    def rows_per_epoch(self) -> int:
        """Number of training rows in an epoch: users with two items or more."""
        return len(self._users) if self.most_rows is None else min(len(self._users), self.most_rows)

    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[tuple[Ints, Ints, Ints, Ints, Floats]]:
        """Yields batches of an epoch in random order.

        Returns:
          `users` int32 `[batch]`; `contexts` int32 `[batch, 0]`: a set has no moment; `history` int32
          `[batch, longest]`, distinct catalogue rows, -1 behind; `targets` int32 `[batch, 0]`; `weights` float32
          `[batch, longest]`: how much each item counts, 1 on the mean of all rows.
        """
        users = rng.permutation(self._users)[: self.rows_per_epoch]
        batches = max(1, -(-len(users) // batch_size))
        for part in np.array_split(users, batches):
            rows, weights = self._padded(part)
            yield part.astype(np.int32), no_contexts(len(part)), rows, np.zeros((len(part), 0), np.int32), weights

    @functools.cached_property
    def _users(self) -> Longs:
        return np.flatnonzero(np.diff(self._sets.row_splits) >= 2)

    @functools.cached_property
    def _sets(self) -> RaggedRows:
        """Each user's items once, with the sum of their weights, in the order in which they stand first."""
        lists = self.sequences
        pairs = lists.owners * (int(lists.rows.max(initial=0)) + 1) + lists.rows
        _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
        totals = np.bincount(inverse, weights=lists.row_weights())
        kept = np.zeros(len(lists.rows), np.bool_)
        kept[first] = True
        weights = np.zeros(len(lists.rows), np.float32)
        weights[first] = totals / max(float(totals.mean()) if len(totals) else 1.0, 1e-12)
        return dataclasses.replace(lists, weights=weights).where(kept)

    def _padded(self, users: Longs) -> tuple[Ints, Floats]:
        sets = self._sets
        sizes = np.diff(sets.row_splits)[users]
        rows = np.full((len(users), int(sizes.max())), -1, np.int32)
        weights = np.zeros(rows.shape, np.float32)
        for number, user in enumerate(users):
            span = slice(sets.row_splits[user], sets.row_splits[user + 1])
            rows[number, : sizes[number]] = sets.rows[span]
            weights[number, : sizes[number]] = sets.weights[span]
        return rows, weights
