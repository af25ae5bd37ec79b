"""What every candidate index can do, and exact search among them.

Shapes: `B` queries, `N` candidates (catalogue rows), `D` width of a vector, `k` length of a list.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Floats

BLOCK = 32
NOTHING = -1
LOWEST = tf.float32.min


class ExactIndex(tf.Module):  # type: ignore[misc]
    """Exact maximum inner product search by block maxima, in stock TensorFlow operations.

    What makes brute force slow is `top_k` over the whole row. So: scores, the maximum of each block
    of 32, `top_k` of the maxima, and `top_k` within the k best blocks. No candidate outside of them
    can be among the k best, for k better ones stand in k other blocks.

    Args:
      candidates: float32 `[N, D]`.
    """

    def __init__(self, candidates: Floats) -> None:
        super().__init__(name="exact_index")
        self._size = len(candidates)
        self._blocks = -(-self._size // BLOCK)
        padding = self._blocks * BLOCK - self._size
        padded = np.concatenate([candidates, np.repeat(candidates[-1:], padding, axis=0)])
        self.candidates = tf.Variable(padded.T.copy(), trainable=False, name="candidates")  # [D, N]: twice as fast

    def scores(self, queries: Any) -> Any:
        """Inner products of float32 `[B, D]` with every candidate, `[B, N + padding]`; the padding scores lowest."""
        scores = tf.matmul(queries, self.candidates)
        real = tf.range(self._blocks * BLOCK) < self._size
        return tf.where(real, scores, LOWEST)

    def search(self, queries: Any, k: Any) -> tuple[Any, Any]:
        """The k best candidates of each query.

        Args:
          queries: float32 `[B, D]`.
          k: int32 scalar.

        Returns:
          Rows int32 `[B, k]`, best first, ties by catalogue row, -1 where the catalogue has no more, and
          scores float32 `[B, k]`.
        """
        return self.best(self.scores(queries), k)

    def best(self, scores: Any, k: Any) -> tuple[Any, Any]:
        """The k best columns of `scores` (as `scores` returns them, some lowered to `LOWEST` perhaps)."""
        blocks = tf.reshape(scores, [-1, self._blocks, BLOCK])
        kept = tf.minimum(k, self._blocks)
        # In ascending order, so that ties are broken by catalogue row.
        block = tf.sort(tf.math.top_k(tf.reduce_max(blocks, axis=2), kept, sorted=False).indices, axis=1)
        within = tf.gather(blocks, block, batch_dims=1)
        rows = block[:, :, tf.newaxis] * BLOCK + tf.range(BLOCK)
        top = tf.math.top_k(tf.reshape(within, [-1, kept * BLOCK]), tf.minimum(k, kept * BLOCK))
        found = tf.gather(tf.reshape(rows, [-1, kept * BLOCK]), top.indices, batch_dims=1)
        return pad(tf.where(top.values > LOWEST, found, NOTHING), top.values, k)


def pad(rows: Any, scores: Any, k: Any) -> tuple[Any, Any]:
    """Brings lists to exactly `k` columns: cut, or filled with `NOTHING` and the lowest score."""
    rows, scores = rows[:, :k], scores[:, :k]
    missing = [[0, 0], [0, tf.maximum(k - tf.shape(rows)[1], 0)]]
    return (
        tf.ensure_shape(tf.pad(rows, missing, constant_values=NOTHING), [None, None]),
        tf.pad(scores, missing, constant_values=LOWEST),
    )
