"""How many candidates must be fetched so that enough are left when those that a user has seen are dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Floats, Ints, RaggedRows

USERS = 2_000
PARTS = 64
# Share of the users whose list is complete. The others are searched again, exactly, which costs the whole
# batch as much as ten thousands of candidates do.
ENOUGH_FOR = 0.999
DEEPEST = 4  # times the longest list


def margins(index: Any, items: int, queries: Floats, seen: RaggedRows, longest: int) -> Ints:
    """Candidates to fetch beyond a list of `n`, for every `n` up to `longest`.

    Args:
      index: Candidate index with `exact_scores` and `exact_best`.
      items: How many it holds.
      queries: float32 `[users, D]`.
      seen: What each user has seen.
      longest: The longest list.

    Returns:
      int32 `[longest + 1]`: the smallest number with which 999 of 1,000 users that have seen anything
      (of 2,000, evenly spread) still find `n` unseen items, by exact search.
    """
    users = np.flatnonzero(np.diff(seen.row_splits) > 0)
    if not len(users):
        return np.zeros(longest + 1, np.int32)
    users = users[np.unique(np.linspace(0, len(users) - 1, min(USERS, len(users))).astype(np.int64))]
    depth = min(items, DEEPEST * longest)
    places = []
    for start in range(0, len(users), PARTS):
        part = users[start : start + PARTS]
        ranked = index.exact_best(index.exact_scores(tf.constant(queries[part])), tf.constant(depth))["rows"].numpy()
        places += [_places(best, seen[user], longest) for best, user in zip(ranked, part, strict=True)]
    extra = np.stack(places) - np.arange(longest + 1, dtype=np.int32)
    enough: Ints = np.quantile(extra, ENOUGH_FOR, axis=0, method="higher").astype(np.int32)
    return enough


def _places(ranked: Ints, seen: Ints, longest: int) -> Ints:
    """Place of the n-th unseen item of a ranking, counted from 1, for n up to `longest`; the last for lack of more."""
    unseen = np.flatnonzero(~np.isin(ranked, seen)) + 1
    return np.concatenate([[0], unseen, np.full(longest, len(ranked))])[: longest + 1].astype(np.int32)
