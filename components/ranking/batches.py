"""One training step's rows, with the histories and raters of the users and movies that occur in them.

A list is pooled once for each distinct user or movie of the batch, never for each row, and no
table of users by movies is ever made.
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
      history: `[total]`, movie indices of the distinct users' histories, end to end.
      history_owner: `[total]`, position in `users` of each, ascending.
      history_count: float `[distinct users]`.
      movies: `[distinct movies]`, catalogue rows.
      raters: `[total]`, user indices of the distinct movies' raters, end to end.
      raters_owner: `[total]`, position in `movies` of each, ascending.
      raters_count: float `[distinct movies]`.
      user_position: `[rows]`, position in `users` of each row.
      movie_position: `[rows]`, position in `movies` of each row.
      in_history: float `[rows]`, 1 where the row's movie is in its user's history.
      in_raters: float `[rows]`, 1 where the row's user is among its movie's raters.
      ratings: float `[rows]`, stars.
    """

    users: Any
    history: Any
    history_owner: Any
    history_count: Any
    movies: Any
    raters: Any
    raters_owner: Any
    raters_count: Any
    user_position: Any
    movie_position: Any
    in_history: Any
    in_raters: Any
    ratings: Any


SIGNATURE = Batch(
    **{
        name: tf.TensorSpec(
            [None],
            tf.float32 if name in ("history_count", "raters_count", "in_history", "in_raters", "ratings") else tf.int32,
            name=name,
        )
        for name in Batch._fields
    }
)


def cut_batch(known: KnownRatings, rows: RatingRows, positions: Longs | None = None) -> Batch:
    """The rows at `positions` (None: all) with what training rows tell of their users and movies."""
    chosen = slice(None) if positions is None else positions
    user_rows, user_position = np.unique(rows.user_rows[chosen], return_inverse=True)
    movie_rows, movie_position = np.unique(rows.movie_rows[chosen], return_inverse=True)
    history, history_owner = known.histories.select(user_rows)
    raters, raters_owner = known.raters.select(movie_rows)
    arrays = Batch(
        users=known.user_index[user_rows],
        history=history,
        history_owner=history_owner,
        history_count=np.bincount(history_owner, minlength=len(user_rows)),
        movies=movie_rows,
        raters=raters,
        raters_owner=raters_owner,
        raters_count=np.bincount(raters_owner, minlength=len(movie_rows)),
        user_position=user_position,
        movie_position=movie_position,
        in_history=rows.in_history[chosen],
        in_raters=rows.in_raters[chosen],
        ratings=rows.ratings[chosen],
    )
    return Batch(*(tf.constant(array, spec.dtype) for array, spec in zip(arrays, SIGNATURE, strict=True)))
