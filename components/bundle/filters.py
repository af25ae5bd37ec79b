"""Keeps items out of scores over the whole catalogue: seen ones, those that a filter leaves out, those not allowed.

Shapes: `B` rows, `S` entries of a list, `F` filters, `N` items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.best_columns import LOWEST
from components.bundle.sorted_lists import END

PADDING, NEVER = -1, -2
_FIRST_EXCLUDED = -3  # filter number f that leaves its items out is _FIRST_EXCLUDED - f


def lower(scores: Any, rows: Any) -> Any:
    """Gives the lowest score to columns `rows` int32 `[B, S]` of `scores` `[B, N]`; negative ones and END are none."""
    present = tf.where((rows >= 0) & (rows < END))
    positions = tf.stack([present[:, 0], tf.cast(tf.gather_nd(rows, present), tf.int64)], axis=1)
    return tf.tensor_scatter_nd_update(scores, positions, tf.fill([tf.shape(positions)[0]], LOWEST))


def keep_allowed(scores: Any, rows: Any) -> Any:
    """Gives the lowest score to all items but those of a list.

    Args:
      scores: float32 `[B, N]`.
      rows: int32 `[B, S]`, catalogue rows; PADDING, and NEVER for an item that there is not. A row of PADDING alone
        allows everything.
    """
    present = tf.where(rows >= 0)
    positions = tf.stack([present[:, 0], tf.cast(tf.gather_nd(rows, present), tf.int64)], axis=1)
    allowed = tf.scatter_nd(positions, tf.ones_like(positions[:, 0]), tf.shape(scores, tf.int64)) > 0
    asked = tf.reduce_any(tf.not_equal(rows, PADDING), axis=1, keepdims=True)
    return tf.where(allowed | tf.logical_not(asked), scores, LOWEST)


class ItemFilter(tf.Module):  # type: ignore[misc]
    """Which items have a value of a feature.

    A filter is a text `feature=value`. Of several filters of the same feature any one is enough, those of different
    features must all be met; `-feature=value` leaves out whatever has the value. A value that no item has is met by
    none.

    Args:
      values: Values of each item, bytes, by the name of the feature.

    Attributes:
      names: Every filter, bytes, sorted.
    """

    def __init__(self, values: Mapping[str, Sequence[Sequence[bytes]]]) -> None:
        super().__init__(name="item_filter")
        members: dict[bytes, list[int]] = {}
        feature_of: dict[bytes, int] = {}
        for number, (feature, listed) in enumerate(sorted(values.items())):
            for row, some in enumerate(listed):
                for value in set(some):
                    key = feature.encode() + b"=" + value
                    members.setdefault(key, []).append(row)
                    feature_of[key] = number
        self.names = names = sorted(members)
        self._features = len(values)
        lists = tf.ragged.constant([*(members[name] for name in names), []], dtype=tf.int32, ragged_rank=1)
        self.parts = {
            "names": tf.Variable(tf.constant(names, tf.string), trainable=False, name="filter_names"),
            "rows": tf.Variable(lists.flat_values, trainable=False, name="filter_rows"),
            "splits": tf.Variable(lists.row_splits, trainable=False, name="filter_splits"),
        }
        features = np.array([*(feature_of[name] for name in names), -1], np.int32)
        self._feature_of = tf.Variable(features, trainable=False, name="filter_features")
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(names or [b"\x00"], tf.string), tf.range(max(1, len(names)), dtype=tf.int32)
            ),
            NEVER,
        )
        self._empty = len(names)

    def lookup(self, filters: Any) -> Any:
        """Codes int32 `[B, F]` of texts `[B, F]`: the filter's number, PADDING for "", NEVER for what nothing meets."""
        excluding = tf.equal(tf.strings.substr(filters, 0, 1), "-")
        numbers = self._table.lookup(tf.strings.regex_replace(filters, "^-", ""))
        excluded = tf.where(numbers >= 0, _FIRST_EXCLUDED - numbers, PADDING)
        return tf.where(tf.equal(filters, ""), PADDING, tf.where(excluding, excluded, numbers))

    def keep(self, scores: Any, codes: Any) -> Any:
        """Gives the lowest score to items that do not meet a row's filters; rows without one stay."""
        for feature in range(self._features):
            mine = tf.equal(tf.gather(self._feature_of, tf.where(codes >= 0, codes, self._empty)), feature)
            scores = self._within(scores, tf.where(mine, codes, self._empty))
        never = tf.reduce_any(tf.equal(codes, NEVER), axis=1, keepdims=True)
        excluded = tf.where(codes <= _FIRST_EXCLUDED, _FIRST_EXCLUDED - codes, self._empty)
        return tf.where(self._having(scores, excluded) | never, LOWEST, scores)

    def _within(self, scores: Any, numbers: Any) -> Any:
        asked = tf.reduce_any(numbers < self._empty, axis=1, keepdims=True)
        return tf.cond(
            tf.reduce_any(asked),
            lambda: tf.where(self._having(scores, numbers) | tf.logical_not(asked), scores, LOWEST),
            lambda: scores,
        )

    def _having(self, scores: Any, numbers: Any) -> Any:
        """Which items have any of the values, bool `[B, N]`; number `_empty` is nothing."""
        lists = tf.RaggedTensor.from_row_splits(
            self.parts["rows"].read_value(), self.parts["splits"].read_value(), validate=False
        )
        rows = tf.gather(lists, numbers).merge_dims(1, 2)
        positions = tf.stack([tf.cast(rows.value_rowids(), tf.int32), rows.flat_values], axis=1)
        return tf.scatter_nd(positions, tf.ones_like(rows.flat_values), tf.shape(scores)) > 0
