"""Sums of the vectors of lists, with a gradient that is a number whatever the lists hold."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def list_sums(table: Any, values: Any, owners: Any, lists: Any) -> Any:
    """Adds up the vectors of each list without gathering them first.

    TensorFlow's gradient of `tf.sparse.segment_sum` with no index at all is memory that nobody has
    written to, often NaN. So there is always one index: row 0, in a list of its own that is dropped again.

    Args:
      table: float32 `[size, dim]` vectors, at least one.
      values: int32 `[total]`, rows of the table, the lists end to end; may be empty.
      owners: int32 `[total]`, the list of each, ascending.
      lists: int32 scalar, number of lists.

    Returns:
      float32 `[lists, dim]`, 0 for an empty list.
    """
    values = tf.concat([values, [0]], axis=0)
    owners = tf.concat([owners, [lists]], axis=0)
    return tf.sparse.segment_sum(table, values, owners, num_segments=lists + 1)[:-1]
