"""L2: what the squared norm of the tables adds to a loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.retrieval.content import Items
from components.retrieval.towers import ItemEncoder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gathered:
    """The `n` items of a batch that one tower encodes.

    Attributes:
      items: The items, as the step sees them.
      id_vectors: float32 `[n, …]`, theirs in the tower's table.
      occurrences: float32 `[n]`, how often each is in the batch; 0 where its id is hidden.
    """

    items: Items
    id_vectors: Any
    occurrences: Any


class Penalty:
    """`l2 * sum of share * |id vector|² + l2_of_others * sum of |other vector|²` over all tables.

    Args:
      l2: The weight.
      counts: Training rows of each id slot, `[slots]`.
      by_frequency: Whether an id vector's share is its rows by their mean; otherwise all shares are 1.
      l2_of_others: The weight of vectors of features; None: the same.
    """

    def __init__(
        self, l2: float, counts: npt.NDArray[Any], *, by_frequency: bool = False, l2_of_others: float | None = None
    ) -> None:
        self._l2 = l2
        self._l2_of_others = l2 if l2_of_others is None else l2_of_others
        counts = np.asarray(counts, np.float64)
        shares = counts / max(float(counts.mean()), 1e-12) if by_frequency else np.ones(len(counts))
        self._shares = tf.constant(shares[:, np.newaxis], tf.float32) if by_frequency else None
        self._by_occurrence = tf.constant(shares * max(counts.sum(), 1) / np.maximum(counts, 1), tf.float32)

    def of_tables(self, encoders: Sequence[ItemEncoder], others: Sequence[Any]) -> Any:
        """The whole of it: for losses that read the whole catalogue in every step.

        Args:
          encoders: Of items.
          others: Further tables.
        """
        if not self._l2:
            return tf.zeros([])
        squares = [tf.square(encoder.ids) for encoder in encoders]
        norms = [tf.reduce_sum(one if self._shares is None else one * self._shares) for one in squares]
        return self._l2 * tf.add_n(norms) + self._of_others(encoders, others)

    def of_rows(self, encoders: Sequence[ItemEncoder], others: Sequence[Any], gathered: Sequence[Gathered]) -> Any:
        """The same in the mean over batches, from the id vectors of a batch alone: no gradient for other rows.

        An id vector is in a share of rows in proportion to its counts; so much the more it counts where it is.

        Args:
          encoders: Of items.
          others: Further tables, which count as a whole.
          gathered: Items of the batch, of each of the encoders.
        """
        if not self._l2:
            return tf.zeros([])
        norms = [_sum_of_squares(part.id_vectors, self._weights(part)) for part in gathered]
        return self._l2 * tf.add_n(norms) + self._of_others(encoders, others)

    def _weights(self, part: Gathered) -> Any:
        shares = tf.math.divide_no_nan(part.occurrences, tf.reduce_sum(part.occurrences))
        return shares * tf.gather(self._by_occurrence, part.items.slots)

    def _of_others(self, encoders: Sequence[ItemEncoder], others: Sequence[Any]) -> Any:
        tables = [table for encoder in encoders for table in encoder.tables[1:]]
        norms = [tf.reduce_sum(tf.square(table)) for table in (*tables, *others)]
        return self._l2_of_others * tf.add_n(norms) if norms else 0.0


@tf.custom_gradient  # type: ignore[misc]
def _sum_of_squares(vectors: Any, weights: Any) -> Any:
    """Sum of `weights * |vector|²`, float32 `[n, d]` and `[n]`; the weights have no gradient.

    TensorFlow's own gradient goes through the vectors, as large as all else that a step moves, three times as often.
    """
    weighted = weights[:, tf.newaxis] * vectors
    total = tf.tensordot(tf.reshape(weighted, [-1]), tf.reshape(vectors, [-1]), axes=1)
    return total, lambda upstream: (2.0 * upstream * weighted, None)
