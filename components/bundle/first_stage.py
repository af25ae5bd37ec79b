"""The first stage: from queries to the best candidates that may be shown.

Shapes: `B` rows, `D` width of a query, `S` items to leave out, `F` filters, `A` items that are allowed, `n` length of
the list.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from components.best_columns import BLOCK, LOWEST
from components.bundle.filters import PADDING, ItemFilter, keep_allowed, lower
from components.bundle.sorted_lists import contains, sorted_lists
from components.examples import Floats, Ints
from components.index.search import NOTHING, SCORES_AT_ONCE, in_parts, queries_at_once


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """What `B` rows ask the first stage for.

    Attributes:
      queries: float32 `[B, D]`.
      is_known: bool `[B]`; a row of whom nothing is known gets popular items, whatever its query.
      left_out: Items not to be shown: int32 `[B, S]` each, as components/bundle/sorted_lists.py has them.
      filters: int32 `[B, F]`, as ItemFilter.lookup gives them; None: nobody filters.
      allowed: int32 `[B, A]`, as of filters.keep_allowed; None: everything is allowed.
      raised: Items of the history, int32 `[B, H]`, and what their scores rise by, float32 `[B, H]`, 0 = padding (every
        item once); None: nothing rises.
    """

    queries: Any
    is_known: Any
    left_out: tuple[Any, ...]
    filters: Any = None
    allowed: Any = None
    raised: tuple[Any, Any] | None = None


class FirstStage(tf.Module):  # type: ignore[misc]
    """Retrieves candidates by the index, exactly where it must not or cannot answer, or by popularity.

    A list of `n` items that leaves seen ones out needs more than `n` candidates; how many more is
    measured on the users that are known (components/bundle/depth.py), so that hardly ever a row is left short.
    Rows that are, and rows that filter or allow some items only, are searched exactly.

    Args:
      index: Loaded candidate index (components/index/export.py).
      item_filter: Which items meet a filter.
      shares: float32 `[N]`, each item's share of the training rows.
      order: int32 `[N]`, catalogue rows from most to least popular.
      margins: int32 `[longest list + 1]`: candidates to fetch beyond a list of as many items.

    Attributes:
      popularity: The shares, padded to whole blocks.
      order, margins: As given. All three are variables, and stored by these names.
    """

    def __init__(self, index: Any, item_filter: ItemFilter, shares: Floats, order: Ints, margins: Ints) -> None:
        super().__init__(name="first_stage")
        self._index = index
        self._filter = item_filter
        self._size = len(shares)
        self._margin_of = tuple(int(margin) for margin in margins)
        self.margins = tf.Variable(margins, trainable=False, name="margins")
        padding = -len(shares) % BLOCK
        self.popularity = tf.Variable(
            np.pad(shares, (0, padding), constant_values=LOWEST), trainable=False, name="popularity"
        )
        self.order = tf.Variable(order, trainable=False, name="popular_order")
        self._ordered_shares = tf.Variable(shares[order], trainable=False, name="popular_shares")

    def best(self, asked: Asked, n: Any) -> tuple[Any, Any]:
        """The n best items of each row.

        Args:
          asked: Who asks.
          n: Length of the lists: an int, or an int32 scalar (then at most the longest list of `margins`).

        Returns:
          Rows int32 `[B, n]`, best first, NOTHING where nothing is left; scores float32 `[B, n]`, LOWEST
          there: inner product and what it rises by, or share of training rows where popularity answered.
        """
        fetched = self._fetched(n)
        found = self._index.search(asked.queries, fetched)
        is_known = asked.is_known[:, tf.newaxis]
        rows = tf.where(is_known, found["rows"], self.order[:fetched])
        scores = tf.where(is_known, found["scores"], self._ordered_shares[:fetched])
        width = fetched
        if asked.raised is not None:
            again, of_again = self._raised(asked.queries, is_known, *asked.raised)
            scores = tf.where(contains(sorted_lists(again), rows), LOWEST, scores)
            rows, scores = tf.concat([rows, again], axis=1), tf.concat([scores, of_again], axis=1)
            width = tf.shape(rows)[1]
        return self._completed(asked, n, *_first(n, rows, scores, width, asked.left_out))

    def popular(self, left_out: Any, n: Any) -> tuple[Any, Any]:
        """The n most popular items that are not left out (sorted lists int32 `[B, S]`); as `best`."""
        fetched = tf.minimum(self._size, n + tf.shape(left_out)[1])
        shape = tf.stack([tf.shape(left_out)[0], fetched])
        rows = tf.broadcast_to(self.order[:fetched], shape)
        scores = tf.broadcast_to(self._ordered_shares[:fetched], shape)
        return _first(n, rows, scores, fetched, (left_out,))

    def _fetched(self, n: Any) -> Any:
        longest = len(self._margin_of) - 1
        if isinstance(n, int):
            margin = self._margin_of[n] if n <= longest else self._margin_of[longest] * -(-n // longest)
            return min(self._size, n + margin)
        return tf.minimum(self._size, n + tf.gather(self.margins, n))

    def _raised(self, queries: Any, is_known: Any, rows: Any, by: Any) -> tuple[Any, Any]:
        """Items of the history that rise, int32 `[B, H]`, NOTHING elsewhere, and their scores, LOWEST there."""
        again = tf.where(is_known & (by > 0), rows, NOTHING)

        def scored(queries: Any, rows: Any, by: Any) -> tuple[Any, Any]:
            vectors = self._index.vectors(tf.reshape(tf.maximum(rows, 0), [-1]))
            vectors = tf.reshape(vectors, [tf.shape(rows)[0], tf.shape(rows)[1], tf.shape(vectors)[1]])
            return rows, tf.where(rows >= 0, tf.linalg.matvec(vectors, queries) + by, LOWEST)

        width = tf.maximum(tf.shape(rows)[1] * tf.shape(queries)[1], 1)
        return in_parts(scored, [queries, again, by], tf.maximum(SCORES_AT_ONCE // width, 1))

    def _completed(self, asked: Asked, n: Any, rows: Any, scores: Any) -> tuple[Any, Any]:
        """Searches again, exactly, for rows that are short of items, filter, or allow some only."""
        before = rows, scores
        again = rows[:, -1] < 0
        rules = ((self._filter.keep, asked.filters), (keep_allowed, asked.allowed))
        chosen = [(keep, codes) for keep, codes in rules if codes is not None]
        for _, codes in chosen:
            again |= tf.reduce_any(tf.not_equal(codes, PADDING), axis=1)

        def searched() -> tuple[Any, Any]:
            at = tf.cast(tf.where(again)[:, 0], tf.int32)
            parts = [asked.queries, asked.is_known, tf.concat(asked.left_out, axis=1)]
            parts += asked.raised or ()
            parts += [codes for _, codes in chosen]
            found = in_parts(
                lambda *part: self._exact(n, [keep for keep, _ in chosen], asked.raised is not None, *part),
                [tf.gather(part, at) for part in parts],
                queries_at_once(self._size),
            )
            at = at[:, tf.newaxis]
            return _loose(*(tf.tensor_scatter_nd_update(old, at, new) for old, new in zip(before, found, strict=True)))

        rows, scores = tf.cond(tf.reduce_any(again), searched, lambda: _loose(*before))
        return rows, scores

    def _exact(
        self, n: Any, rules: list[Any], rises: bool, queries: Any, is_known: Any, left_out: Any, *codes: Any
    ) -> tuple[Any, Any]:
        scores = self._index.exact_scores(queries)
        if rises:
            again, by, *rest = codes
            codes = tuple(rest)
            at = tf.where(by > 0)
            at = tf.stack([at[:, 0], tf.cast(tf.gather_nd(again, at), tf.int64)], axis=1)
            scores = tf.tensor_scatter_nd_add(scores, at, by[by > 0])
        scores = lower(tf.where(is_known[:, tf.newaxis], scores, self.popularity), left_out)
        for keep, wanted in zip(rules, codes, strict=True):
            scores = keep(scores, wanted)
        found = self._index.exact_best(scores, _least(n, self._size))
        rows = tf.where(found["scores"] > LOWEST, found["rows"], NOTHING)
        return as_long(n, rows, found["scores"], self._size)


def _first(n: Any, rows: Any, scores: Any, fetched: Any, left_out: tuple[Any, ...]) -> tuple[Any, Any]:
    """The n best of candidates `[B, fetched]` that are in none of the lists."""
    for lists in left_out:
        scores = tf.where(contains(lists, rows), LOWEST, scores)
    top = tf.math.top_k(scores, _least(n, fetched))
    rows = tf.where(top.values > LOWEST, tf.gather(rows, top.indices, batch_dims=1), NOTHING)
    return as_long(n, rows, top.values, fetched)


def as_long(n: Any, rows: Any, scores: Any, width: Any) -> tuple[Any, Any]:
    """Brings lists of `width` columns, at most n, to n."""
    if isinstance(n, int) and isinstance(width, int) and width >= n:
        return rows, scores
    missing = [[0, 0], [0, n - tf.shape(rows)[1]]]
    return tf.pad(rows, missing, constant_values=NOTHING), tf.pad(scores, missing, constant_values=LOWEST)


def _least(one: Any, other: Any) -> Any:
    return min(one, other) if isinstance(one, int) and isinstance(other, int) else tf.minimum(one, other)


def _loose(rows: Any, scores: Any) -> tuple[Any, Any]:
    """Forgets static shapes, in which the branches of a condition would differ."""
    return tf.ensure_shape(rows, [None, None]), tf.ensure_shape(scores, [None, None])
