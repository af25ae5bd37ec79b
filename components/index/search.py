"""What every candidate index can do, and exact search among them.

Shapes: `B` queries, `N` candidates (catalogue rows), `D` width of a vector, `k` length of a list, at most `N`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Floats

BLOCK = 32
NOTHING = -1
LOWEST = tf.float32.min
SCORES_AT_ONCE = 1 << 25  # 128 MB: more scores than that are computed one part of the queries after the other


class ExactIndex(tf.Module):  # type: ignore[misc]
    """Exact maximum inner product search by block maxima, in stock TensorFlow operations.

    What makes brute force slow is `top_k` over the whole row. So: scores, the maximum of each block
    of 32, `top_k` of the maxima, and `top_k` within the best blocks. No candidate outside of the k best
    blocks can be among the k best, for k better ones stand in k other blocks. (One block more is looked
    into: the last one is filled up with copies of the last candidate, which may have been lowered.)

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
        """Inner products of float32 `[B, D]` with every candidate, `[B, N + padding]`; the padding means nothing."""
        return tf.matmul(queries, self.candidates)

    def search(self, queries: Any, k: Any) -> tuple[Any, Any]:
        """The k best candidates of each query.

        Args:
          queries: float32 `[B, D]`.
          k: int32 scalar, from 1 to N.

        Returns:
          Rows int32 `[B, k]`, best first, ties by catalogue row, and scores float32 `[B, k]`.
        """
        return in_parts(lambda part: self.best(self.scores(part), k), [queries], self.queries_at_once)

    @property
    def queries_at_once(self) -> int:
        """Queries whose scores with all candidates are in memory at the same time."""
        return queries_at_once(self._size)

    def best(self, scores: Any, k: Any) -> tuple[Any, Any]:
        """The k best columns of `scores` (as `scores` returns them, some lowered to `LOWEST` perhaps)."""
        blocks = tf.reshape(scores, [-1, self._blocks, BLOCK])
        kept = tf.minimum(k + 1, self._blocks)
        # In ascending order, so that ties are broken by catalogue row.
        block = tf.sort(tf.math.top_k(tf.reduce_max(blocks, axis=2), kept, sorted=False).indices, axis=1)
        rows = tf.reshape(block[:, :, tf.newaxis] * BLOCK + tf.range(BLOCK), [-1, kept * BLOCK])
        within = tf.reshape(tf.gather(blocks, block, batch_dims=1), [-1, kept * BLOCK])
        top = tf.math.top_k(tf.where(rows < self._size, within, LOWEST), k)
        return tf.gather(rows, top.indices, batch_dims=1), top.values


def queries_at_once(candidates: int) -> int:
    """Queries whose scores with all candidates may be in memory at the same time."""
    return max(1, SCORES_AT_ONCE // candidates)


def in_parts(answer: Callable[..., tuple[Any, Any]], arguments: Sequence[Any], rows_at_once: int) -> tuple[Any, Any]:
    """`answer(*arguments)`, for one part of the rows after the other where there are more than `rows_at_once`.

    Args:
      answer: Two tensors `[rows, k]`, int32 and float32, of tensors with as many rows.
      arguments: Tensors with the rows as first dimension.
      rows_at_once: Most rows of a part.
    """
    count = tf.shape(arguments[0])[0]

    def whole() -> tuple[Any, Any]:
        rows, scores = answer(*arguments)
        return tf.ensure_shape(rows, [None, None]), tf.ensure_shape(scores, [None, None])

    def parts() -> tuple[Any, Any]:
        number = -(-count // rows_at_once)
        collected = [
            tf.TensorArray(dtype, number, infer_shape=False, element_shape=[None, None])
            for dtype in (tf.int32, tf.float32)
        ]

        def step(part: Any, rows: Any, scores: Any) -> tuple[Any, Any, Any]:
            of_part = slice(part * rows_at_once, (part + 1) * rows_at_once)
            found, values = answer(*(argument[of_part] for argument in arguments))
            return part + 1, rows.write(part, found), scores.write(part, values)

        _, rows, scores = tf.while_loop(lambda part, *_: part < number, step, (0, *collected), parallel_iterations=1)
        return rows.concat(), scores.concat()

    rows, scores = tf.cond(count > rows_at_once, parts, whole)
    return rows, scores
