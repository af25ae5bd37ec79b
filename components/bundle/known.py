"""What is known of every user: all interactions, in order, and how many of them came before the test rows."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.examples import Interactions, Ints, RaggedRows, Strings, UserSequences


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnownUsers:
    """Interactions of all users.

    Attributes:
      user_ids: bytes, `[users]`: users of `sequences` first, in its order.
      interactions: One list a user: training rows, then eval rows, then test rows, each oldest first; where
        the models were refit, training and eval rows together, oldest first, then test rows.
      before_test: int32 `[users]`, how many of a user's interactions came before the test rows.
    """

    user_ids: Strings
    interactions: RaggedRows
    before_test: Ints

    def visible(self, before_test: bool) -> RaggedRows:
        """What a bundle may know, without movies outside of the catalogue: all, or what came before the test rows."""
        lists = self.interactions
        lengths = np.diff(lists.row_splits)
        owner = np.repeat(np.arange(len(lengths)), lengths)
        kept = lists.rows >= 0
        if before_test:
            kept &= np.arange(len(lists.rows)) - lists.row_splits[owner] < self.before_test[owner]
        splits = np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=len(lengths)))])
        return RaggedRows(row_splits=splits.astype(np.int64), rows=lists.rows[kept], ratings=lists.ratings[kept])


def joined(sequences: UserSequences, *others: UserSequences) -> UserSequences:
    """The sequences of several groups of users, none of whom is in two."""
    parts = [sequences, *others]
    sizes = np.concatenate([np.diff(one.movies.row_splits) for one in parts])
    return UserSequences(
        user_ids=np.concatenate([one.user_ids for one in parts]),
        movies=RaggedRows(
            row_splits=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            rows=np.concatenate([one.movies.rows for one in parts]),
            ratings=np.concatenate([one.movies.ratings for one in parts]),
            timestamps=np.concatenate([one.movies.timestamps for one in parts]),
        ),
    )


def known_users(sequences: UserSequences, *held_out: Interactions) -> KnownUsers:
    """Appends held-out rows to the sequences that the models were fit on.

    Args:
      sequences: Rows of each user, oldest first.
      held_out: Rows of the parts that follow, in their order; the last are the test rows.
    """
    fitted = np.repeat(np.arange(len(sequences.user_ids)), np.diff(sequences.movies.row_splits))
    users, codes = _codes(sequences.user_ids, [rows.user_ids for rows in held_out])
    owner = np.concatenate([fitted, *codes]).astype(np.int64)
    sizes = [len(fitted), *(len(rows.movie_rows) for rows in held_out)]
    part = np.repeat(np.arange(len(sizes), dtype=np.int8), sizes)
    timestamps = np.concatenate([sequences.movies.timestamps, *(rows.timestamps for rows in held_out)])
    # Sequences are in order already; a stable sort keeps that order and the files' for ties.
    order = np.lexsort((np.where(part == 0, 0, timestamps), part, owner))
    before = np.bincount(owner[part < len(held_out)], minlength=len(users))
    return KnownUsers(
        user_ids=users,
        interactions=RaggedRows(
            row_splits=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(users)))]).astype(np.int64),
            rows=np.concatenate([sequences.movies.rows, *(rows.movie_rows for rows in held_out)])[order],
            ratings=np.concatenate([sequences.movies.ratings, *(rows.ratings for rows in held_out)])[order],
            timestamps=timestamps[order],
        ),
        before_test=before.astype(np.int32),
    )


def _codes(known: Strings, others: list[Strings]) -> tuple[Strings, list[Ints]]:
    """Numbers users: `known` first, then new ones in the order in which they occur."""
    numbers = {user: number for number, user in enumerate(known)}
    codes = [
        np.fromiter((numbers.setdefault(user, len(numbers)) for user in users), np.int32, len(users))
        for users in others
    ]
    users = np.empty(len(numbers), dtype=object)
    users[:] = list(numbers)
    return users, codes
