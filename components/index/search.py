"""What every candidate index can do, and exact search among them.

Shapes: `B` queries, `N` candidates (catalogue rows), `D` width of a vector, `k` length of a list, at most `N`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.best_columns import BLOCK, best_columns
from components.examples import Floats

NOTHING = -1
SCORES_AT_ONCE = 1 << 25  # 128 MB: more scores than that are computed one part of the queries after the other


class ExactIndex(tf.Module):  # type: ignore[misc]
    """Exact maximum inner product search by block maxima (best_columns.py), in stock TensorFlow operations.

    The last block is filled up with copies of the last candidate.

    Args:
      candidates: float32 `[N, D]`.
    """

    def __init__(self, candidates: Floats) -> None:
        super().__init__(name="exact_index")
        self._size = len(candidates)
        padded = np.concatenate([candidates, np.repeat(candidates[-1:], -self._size % BLOCK, axis=0)])
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
        return best_columns(scores, self._size, k)


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
