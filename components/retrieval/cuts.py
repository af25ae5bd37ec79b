"""Training rows: a user's sequence cut at a random place, what was before and what came next."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from components.examples import Floats, Ints, Longs, RaggedRows


@dataclasses.dataclass(frozen=True, kw_only=True)
class CutSampler:
    """Draws training rows from the users' sequences.

    Attributes:
      sequences: Training rows of each user, oldest first.
      history_length: Most items before the cut.
      targets: Most items after the cut.
      cuts_per_user: Mean number of cuts of a user in an epoch; users with a single row have none.
      cuts_by_length: A user's share of the cuts grows with the length of the sequence to this power;
        0 = everybody has the same.
      most_rows: Most cuts of an epoch.
      ordered: False for data whose order means nothing: every cut then shuffles its sequence.
      new: Positions in `sequences.rows` of rows to be learned before others, of a training that knows the others:
        where an epoch is a part of the data, up to half of its cuts lie in front of these rows.
    """

    sequences: RaggedRows
    history_length: int
    targets: int
    cuts_per_user: int
    cuts_by_length: float = 0.0
    most_rows: int | None = None
    ordered: bool = True
    new: Longs = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def rows_per_epoch(self) -> int:
        """Number of training rows in an epoch."""
        return self._wanted if self.most_rows is None else min(self._wanted, self.most_rows)

    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[tuple[Ints, Ints, Ints, Ints, Floats]]:
        """Yields batches of an epoch in random order.

        Returns:
          `users` int32 `[batch]`, whose sequence it is; `contexts` int32 `[batch, K]`, of the first target; `history`
          int32 `[batch, history_length]` and `targets` int32 `[batch, targets]`, catalogue rows; history newest last
          with -1 in front, targets oldest first with -1 behind; `weights` float32 `[batch, targets]`: how much each
          target counts, 1 on the mean of all rows, 0 behind the last one.
        """
        users = self._drawn(rng)
        lengths = np.diff(self.sequences.row_splits)
        cuts = 1 + (rng.random(len(users)) * (lengths[users] - 1)).astype(np.int64)
        if len(self._new_cuts) and self.rows_per_epoch < self._wanted:
            self._put_new(users, cuts, rng)
        for start in range(0, len(users), batch_size):
            part = slice(start, start + batch_size)
            drawn = users[part]
            first = self.sequences.row_splits[drawn] + cuts[part]
            contexts = self.sequences.contexts[first] if len(self.sequences.contexts) else no_contexts(len(drawn))
            yield drawn.astype(np.int32), contexts, *self._rows(drawn, cuts[part], rng)

    @property
    def _wanted(self) -> int:
        """Number of cuts that the settings ask for, before they are bounded."""
        return len(self._users) * self.cuts_per_user

    def _put_new(self, users: Longs, cuts: Longs, rng: np.random.Generator) -> None:
        """Puts cuts in front of new rows in the place of up to half of those drawn, which stand in random order."""
        drawn = rng.permutation(self._new_cuts)[: len(users) // 2]
        places = rng.choice(len(users), len(drawn), replace=False)
        users[places] = np.searchsorted(self.sequences.row_splits, drawn, side="right") - 1
        cuts[places] = drawn - self.sequences.row_splits[users[places]]

    @functools.cached_property
    def _new_cuts(self) -> Longs:
        """New rows that are not the first of their user's."""
        return np.setdiff1d(self.new, self.sequences.row_splits)

    @functools.cached_property
    def _users(self) -> Longs:
        return np.flatnonzero(np.diff(self.sequences.row_splits) >= 2)

    def _drawn(self, rng: np.random.Generator) -> Longs:
        """Users of an epoch's rows: each as often as its share says, rounded up or down at random."""
        users = rng.permutation(self._users)
        shares = np.cumsum(np.diff(self.sequences.row_splits)[users] ** self.cuts_by_length)
        steps = (np.arange(self.rows_per_epoch) + rng.random()) / self.rows_per_epoch
        places = np.searchsorted(shares, steps * shares[-1], side="right")
        drawn: Longs = users[np.minimum(places, len(users) - 1)]
        rng.shuffle(drawn)
        return drawn

    @functools.cached_property
    def _weights(self) -> Floats:
        weights = self.sequences.row_weights()
        scaled: Floats = (weights / max(float(weights.mean(dtype=np.float64)), 1e-12)).astype(np.float32)
        return scaled

    def _rows(self, users: Longs, cuts: Longs, rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
        starts = self.sequences.row_splits[users]
        lengths = self.sequences.row_splits[users + 1] - starts
        width = int(min(self.history_length, cuts.max()))
        before = cuts[:, None] + np.arange(-width, 0)[None, :]
        after = cuts[:, None] + np.arange(self.targets)[None, :]
        if not self.ordered:
            before, after = _shuffled(before, after, lengths, rng)
        there = (after >= 0) & (after < lengths[:, None])
        weights = self._weights[np.where(there, starts[:, None] + after, 0)]
        return (
            self._take(starts, before, before >= 0),
            self._take(starts, after, there),
            np.where(there, weights, 0).astype(np.float32),
        )

    def _take(self, starts: Longs, positions: Longs, valid: npt.NDArray[np.bool_]) -> Ints:
        rows = self.sequences.rows[np.where(valid, starts[:, None] + positions, 0)]
        return np.where(valid, rows, -1).astype(np.int32)


def no_contexts(rows: int) -> Ints:
    """Codes of rows whose contexts have no features."""
    return np.zeros((rows, 0), np.int32)


def _shuffled(before: Longs, after: Longs, lengths: Longs, rng: np.random.Generator) -> tuple[Longs, Longs]:
    """Maps positions of each row through a random permutation of the row's sequence."""
    longest = int(lengths.max())
    keys = np.where(np.arange(longest)[None, :] < lengths[:, None], rng.random((len(lengths), longest)), 2.0)
    order = np.argsort(keys, axis=1)
    taken_before = np.take_along_axis(order, np.clip(before, 0, longest - 1), axis=1)
    taken_after = np.take_along_axis(order, np.clip(after, 0, longest - 1), axis=1)
    return np.where(before >= 0, taken_before, -1), np.where(after < lengths[:, None], taken_after, -1)
