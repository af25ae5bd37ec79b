"""Cross entropy over the targets of the batch: for catalogues whose every item is too many."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.examples import Floats
from components.retrieval.losses.target_weights import target_weights
from components.retrieval.rows import HISTORY, TARGETS, WEIGHTS


class InBatchSoftmax:
    """`tfrs.tasks.Retrieval` once for each of the items that came next.

    The candidates of a row's next item are the next items of all rows, those of its second next item
    the second next ones, and so on. Frequent items are in more batches, which the logQ correction takes out of the
    logits (Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
    recommendations", RecSys 2019); rows with the same target are no negatives of each other.
    Only items of the batch are encoded.

    Args:
      frequencies: float32 `[N]`, share of training rows of each item (of Transform's counting).
      targets: Most targets of a row.
      target_decay: See `target_weights`.
    """

    def __init__(self, frequencies: Floats, targets: int, target_decay: float) -> None:
        self._frequencies = tf.constant(frequencies, tf.float32)
        self._targets = targets
        self._target_decay = target_decay
        self._task = tfrs.tasks.Retrieval(remove_accidental_hits=True)

    def __call__(self, model: Any, inputs: dict[str, Any], training: bool) -> Any:
        """Mean loss of `history` int32 `[B, H]` and `targets` int32 `[B, T]` (catalogue rows, -1 = padding)."""
        history, targets = inputs[HISTORY], tf.ensure_shape(inputs[TARGETS], [None, self._targets])
        items, places = tf.unique(tf.concat([tf.reshape(history, [-1]), tf.reshape(targets, [-1])], axis=0))
        tables, candidates = model.encode(model.items.select(tf.maximum(items, 0)), training)
        local = tf.where(history >= 0, tf.reshape(places[: tf.size(history)], tf.shape(history)), -1)
        queries = model.query(inputs, local, tables, training)
        wanted = tf.gather(candidates, tf.reshape(places[tf.size(history) :], tf.shape(targets)))
        weights = target_weights(targets, inputs[WEIGHTS], self._target_decay)
        losses = [
            self._loss(queries, wanted[:, place], targets[:, place], weights[:, place])
            for place in range(self._targets)
        ]
        return tf.add_n(losses) / tf.cast(tf.shape(history)[0], tf.float32)

    def _loss(self, queries: Any, candidates: Any, targets: Any, weights: Any) -> Any:
        rows = tf.where(targets >= 0)[:, 0]
        # Where no row of the batch has so many targets there is nothing to tell apart, and TFRS fails on no candidate.
        return tf.cond(
            tf.size(rows) > 0,
            lambda: self._of_rows(rows, queries, candidates, tf.gather(targets, rows), weights),
            lambda: tf.zeros([]),
        )

    def _of_rows(self, rows: Any, queries: Any, candidates: Any, targets: Any, weights: Any) -> Any:
        return self._task(
            tf.gather(queries, rows),
            tf.gather(candidates, rows),
            sample_weight=tf.gather(weights, rows),
            candidate_sampling_probability=tf.gather(self._frequencies, targets),
            candidate_ids=targets,
            compute_metrics=False,
        )
