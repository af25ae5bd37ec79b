"""Lists of catalogue rows in ascending order, in which a row is found by binary search.

Shapes: `B` rows, `S` entries of a list, `C` candidates of a row. Every list ends in at least one `END`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

END = 2**31 - 1


def sorted_lists(rows: Any) -> Any:
    """Sorts int32 `[B, S]`, of which negative entries are padding, to int32 `[B, S + 1]`."""
    ends = tf.fill([tf.shape(rows)[0], 1], END)
    return tf.concat([tf.sort(tf.where(rows >= 0, rows, END), axis=1), ends], axis=1)


def contains(lists: Any, rows: Any) -> Any:
    """Whether `rows` int32 `[B, C]` occur in the row's own list of `lists` int32 `[B, S]`, bool `[B, C]`."""
    # tf.searchsorted is this operation and six around it that bring other shapes into this one.
    position = tf.raw_ops.LowerBound(sorted_inputs=lists, values=rows, out_type=tf.int32)
    return tf.equal(tf.gather(lists, position, batch_dims=1), rows)
