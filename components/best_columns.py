"""The best columns of rows of scores, by block maxima."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

BLOCK = 32
LOWEST = tf.float32.min


def best_columns(scores: Any, size: int, k: Any) -> tuple[Any, Any]:
    """The k best of the first `size` columns of each row.

    What makes brute force slow is `top_k` over a whole row. So: the maximum of each block of 32, `top_k` of the
    maxima, and `top_k` within the best blocks. No column outside of the k best blocks can be among the k best, for k
    better ones stand in k other blocks. (One block more is looked into: some of the last one does not count.)

    Args:
      scores: float32 `[B, size + padding]`, in whole blocks; none below `LOWEST`.
      size: Columns that count.
      k: int32 scalar, from 1 to `size`.

    Returns:
      Columns int32 `[B, k]`, best first, ties by column, and their scores float32 `[B, k]`.
    """
    count = -(-size // BLOCK)
    blocks = tf.reshape(scores, [-1, count, BLOCK])
    kept = tf.minimum(k + 1, count)
    # In ascending order, so that ties are broken by column.
    block = tf.sort(tf.math.top_k(tf.reduce_max(blocks, axis=2), kept, sorted=False).indices, axis=1)
    columns = tf.reshape(block[:, :, tf.newaxis] * BLOCK + tf.range(BLOCK), [-1, kept * BLOCK])
    within = tf.reshape(tf.gather(blocks, block, batch_dims=1), [-1, kept * BLOCK])
    top = tf.math.top_k(tf.where(columns < size, within, LOWEST), k)
    return tf.gather(columns, top.indices, batch_dims=1), top.values
