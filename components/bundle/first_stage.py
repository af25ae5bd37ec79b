"""The first stage: from a history to the best candidates that may be shown.

Shapes: `B` rows, `H` history positions, `S` movies to leave out, `G` genres, `k` length of the list.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from components.bundle.filters import GenreFilter, compact, contains, lower
from components.examples import Longs
from components.index.search import BLOCK

LONG_LIST = 400  # movies to leave out beyond which a row is searched exactly


class FirstStage(tf.Module):  # type: ignore[misc]
    """Retrieves candidates: by the index, exactly where a filter forbids approximation, or by popularity.

    Args:
      retrieval: Loaded retrieval model.
      index: Loaded candidate index (components/index/export.py).
      genres: Which movies belong to a genre.
      counts: int64 `[N]`, training rows of each movie.
      order: int32 `[N]`, catalogue rows from most to least popular.
      approximate: Whether the index is not exact.
    """

    def __init__(
        self, retrieval: Any, index: Any, genres: GenreFilter, counts: Longs, order: Any, approximate: bool
    ) -> None:
        super().__init__(name="first_stage")
        self._retrieval = retrieval
        self._index = index
        self._genres = genres
        self._approximate = approximate
        padding = -len(counts) % BLOCK
        shares = np.pad(counts / max(1, counts.sum()), (0, padding), constant_values=np.finfo(np.float32).min)
        self._popularity = tf.Variable(shares.astype(np.float32), trainable=False, name="popularity")
        self._order = tf.Variable(order, trainable=False, name="popular_order")

    def best(self, history: Any, left_out: Any, genres: Any, k: Any) -> tuple[Any, Any]:
        """The k best movies of each row; a row without a history gets the most popular ones.

        Args:
          history: int32 `[B, H]`, newest last, -1 = padding.
          left_out: int32 `[B, S]`, -1 = padding.
          genres: int32 `[B, G]`, -1 = padding.
          k: int32 scalar.

        Returns:
          Rows int32 `[B, k]`, best first, -1 where nothing is left; scores float32 `[B, k]`: inner
          product, or share of training rows where popularity answered.
        """
        needs_exact = self._needs_exact(left_out, genres)
        with_history = tf.reduce_any(history >= 0, axis=1)
        return _merged(
            needs_exact,
            lambda at: self._exact(
                tf.gather(history, at), tf.gather(with_history, at), tf.gather(left_out, at), tf.gather(genres, at), k
            ),
            lambda at: self._indexed(tf.gather(history, at), tf.gather(with_history, at), tf.gather(left_out, at), k),
            k,
        )

    def popular(self, left_out: Any, k: Any) -> tuple[Any, Any]:
        """The k most popular movies that are not left out; as `best`."""
        rows, scores = self._popular_prefix(tf.shape(left_out)[0], k + _longest(left_out))
        return compact(rows, scores, contains(left_out, rows), k)

    def _needs_exact(self, left_out: Any, genres: Any) -> Any:
        filtered = tf.reduce_any(tf.not_equal(genres, -1), axis=1)
        if not self._approximate:
            return tf.ones_like(filtered)
        return filtered | (_counts(left_out) > LONG_LIST)

    def _indexed(self, history: Any, with_history: Any, left_out: Any, k: Any) -> tuple[Any, Any]:
        fetched = k + _longest(left_out)
        found = self._index.search(self._embed(history), fetched)
        popular_rows, popular_scores = self._popular_prefix(tf.shape(history)[0], fetched)
        rows = tf.where(with_history[:, tf.newaxis], found["rows"], popular_rows)
        scores = tf.where(with_history[:, tf.newaxis], found["scores"], popular_scores)
        return compact(rows, scores, contains(left_out, rows), k)

    def _exact(self, history: Any, with_history: Any, left_out: Any, genres: Any, k: Any) -> tuple[Any, Any]:
        scores = self._index.exact_scores(self._embed(history))
        scores = tf.where(with_history[:, tf.newaxis], scores, self._popularity)
        found = self._index.exact_best(self._genres.keep(lower(scores, left_out), genres), k)
        return found["rows"], found["scores"]

    def _embed(self, history: Any) -> Any:
        return self._retrieval.embed_query(history)["embedding"]

    def _popular_prefix(self, rows: Any, length: Any) -> tuple[Any, Any]:
        prefix = self._order[:length]
        missing = tf.maximum(length - tf.size(prefix), 0)
        scores = tf.concat([tf.gather(self._popularity, prefix), tf.zeros([missing])], axis=0)
        prefix = tf.pad(prefix, [[0, missing]], constant_values=-1)
        return tf.tile(prefix[tf.newaxis], [rows, 1]), tf.tile(scores[tf.newaxis], [rows, 1])


def _counts(lists: Any) -> Any:
    return tf.reduce_sum(tf.cast(lists >= 0, tf.int32), axis=1)


def _longest(lists: Any) -> Any:
    return tf.reduce_max(tf.concat([_counts(lists), [0]], axis=0))


def _merged(chosen: Any, one: Any, other: Any, k: Any) -> tuple[Any, Any]:
    """Answers rows where `chosen` by `one` and the rest by `other`; a group without rows is not computed."""
    empty = (tf.zeros([0, k], tf.int32), tf.zeros([0, k]))
    at_one = tf.cast(tf.where(chosen)[:, 0], tf.int32)
    at_other = tf.cast(tf.where(tf.logical_not(chosen))[:, 0], tf.int32)
    rows_one, scores_one = tf.cond(tf.size(at_one) > 0, lambda: _loose(one(at_one)), lambda: _loose(empty))
    rows_other, scores_other = tf.cond(tf.size(at_other) > 0, lambda: _loose(other(at_other)), lambda: _loose(empty))
    positions = tf.concat([at_one, at_other], axis=0)
    back = tf.argsort(positions)
    return (
        tf.gather(tf.concat([rows_one, rows_other], axis=0), back),
        tf.gather(tf.concat([scores_one, scores_other], axis=0), back),
    )


def _loose(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """Forgets static shapes, in which the branches of a condition would differ."""
    return tf.ensure_shape(pair[0], [None, None]), tf.ensure_shape(pair[1], [None, None])
