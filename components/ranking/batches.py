"""One training step's rows, with the histories and raters of the users and items that occur in them.

A list is pooled once for each distinct user or item of the batch, never for each row, and no
table of users by items is ever made.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.examples import Longs
from components.ranking.known_ratings import KnownRatings, RatingRows


class Batch(NamedTuple):
    """Rows and the lists they need; int32 and float32 tensors.

    Attributes:
      users: `[distinct users]`, user indices.
      history: `[total]`, item indices of the distinct users' histories, end to end.
      history_owner: `[total]`, position in `users` of each, ascending.
      history_count: float `[distinct users]`.
      content: `[total]`, positions of the distinct users' features, end to end.
      content_owner: `[total]`, position in `users` of each, ascending.
      content_weights: float `[total]`.
      items: `[distinct items]`, catalogue rows.
      raters: `[total]`, user indices of the distinct items' raters, end to end.
      raters_owner: `[total]`, position in `items` of each, ascending.
      raters_count: float `[distinct items]`.
      user_position: `[rows]`, position in `users` of each row.
      item_position: `[rows]`, position in `items` of each row.
      in_history: float `[rows]`, 1 where the row's item is in its user's history.
      in_raters: float `[rows]`, 1 where the row's user is among its item's raters.
      ratings: float `[rows]`, stars.
    """

    users: Any
    history: Any
    history_owner: Any
    history_count: Any
    content: Any
    content_owner: Any
    content_weights: Any
    items: Any
    raters: Any
    raters_owner: Any
    raters_count: Any
    user_position: Any
    item_position: Any
    in_history: Any
    in_raters: Any
    ratings: Any


SIGNATURE = Batch(
    **{
        name: tf.TensorSpec(
            [None],
            tf.float32
            if name in ("history_count", "content_weights", "raters_count", "in_history", "in_raters", "ratings")
            else tf.int32,
            name=name,
        )
        for name in Batch._fields
    }
)


def cut_batch(known: KnownRatings, rows: RatingRows, positions: Longs | None = None) -> Batch:
    """The rows at `positions` (None: all) with what training rows tell of their users and items."""
    chosen = slice(None) if positions is None else positions
    user_rows, user_position = np.unique(rows.user_rows[chosen], return_inverse=True)
    item_rows, item_position = np.unique(rows.item_rows[chosen], return_inverse=True)
    history, history_owner = known.histories.select(user_rows)
    raters, raters_owner = known.raters.select(item_rows)
    content, content_owner, content_weights = known.content.select(user_rows)
    arrays = Batch(
        users=known.user_index[user_rows],
        history=history,
        history_owner=history_owner,
        history_count=np.bincount(history_owner, minlength=len(user_rows)),
        content=content,
        content_owner=content_owner,
        content_weights=content_weights,
        items=item_rows,
        raters=raters,
        raters_owner=raters_owner,
        raters_count=np.bincount(raters_owner, minlength=len(item_rows)),
        user_position=user_position,
        item_position=item_position,
        in_history=rows.in_history[chosen],
        in_raters=rows.in_raters[chosen],
        ratings=rows.ratings[chosen],
    )
    return Batch(*(tf.constant(array, spec.dtype) for array, spec in zip(arrays, SIGNATURE, strict=True)))
