"""What is known of every user: all interactions, in order, and how many of them came before the test rows."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.examples import Interactions, Ints, RaggedRows, Strings, UserSequences


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnownUsers:
    """Interactions of all users.

    Attributes:
      user_ids: bytes, `[users]`: users with training rows first, in the order of `sequences`.
      interactions: One list a user: training rows, then eval rows, then test rows, each oldest first.
      before_test: int32 `[users]`, how many of a user's interactions came before the test rows.
    """

    user_ids: Strings
    interactions: RaggedRows
    before_test: Ints


def known_users(sequences: UserSequences, eval_rows: Interactions, test_rows: Interactions) -> KnownUsers:
    """Appends held-out rows to the training sequences."""
    train_users = np.repeat(np.arange(len(sequences.user_ids)), np.diff(sequences.movies.row_splits))
    users, codes = _codes(sequences.user_ids, [eval_rows.user_ids, test_rows.user_ids])
    owner = np.concatenate([train_users, *codes]).astype(np.int64)
    sizes = [len(train_users), len(eval_rows.movie_rows), len(test_rows.movie_rows)]
    part = np.repeat(np.arange(3, dtype=np.int8), sizes)
    timestamps = np.concatenate([sequences.movies.timestamps, eval_rows.timestamps, test_rows.timestamps])
    # Training rows are in order already; a stable sort keeps that order and the files' for ties.
    order = np.lexsort((np.where(part == 0, 0, timestamps), part, owner))
    before = np.bincount(owner[part < 2], minlength=len(users))
    return KnownUsers(
        user_ids=users,
        interactions=RaggedRows(
            row_splits=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(users)))]).astype(np.int64),
            rows=np.concatenate([sequences.movies.rows, eval_rows.movie_rows, test_rows.movie_rows])[order],
            ratings=np.concatenate([sequences.movies.ratings, eval_rows.ratings, test_rows.ratings])[order],
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
