"""Cross entropy over the targets of the batch and some drawn items: for catalogues whose every item is too many."""

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
    the second next ones, and so on. Some items drawn evenly from the catalogue are candidates of all: without them
    nothing pushes down what is rare in batches (Yang et al., "Mixed negative sampling for learning two-tower neural
    networks in recommendations", WWW 2020). How likely an item is to be a candidate is taken out of its logit, logQ
    (Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations", RecSys 2019), and
    rows with the same target are no negatives of each other.
    Only these items are encoded, and only their rows of the tables have a gradient: a step does not grow with the
    catalogue.

    Args:
      frequencies: float32 `[N]`, share of training rows of each item (of Transform's counting).
      targets: Most targets of a row.
      target_decay: See `target_weights`.
      negatives: Items that are drawn for every step.
    """

    reads_catalogue = False

    def __init__(self, frequencies: Floats, targets: int, target_decay: float, negatives: int) -> None:
        self._frequencies = tf.constant(frequencies, tf.float32)
        self._items = len(frequencies)
        self._negatives = negatives
        self._targets = targets
        self._target_decay = target_decay
        # A function of its own: TFRS's code is for autograph, which the training step does without.
        self._task = tf.function(tfrs.tasks.Retrieval(remove_accidental_hits=True))

    def __call__(self, model: Any, inputs: dict[str, Any], training: bool) -> Any:
        """Mean loss of `history` int32 `[B, H]` and `targets` int32 `[B, T]` (catalogue rows, -1 = padding)."""
        history, targets = inputs[HISTORY], tf.ensure_shape(inputs[TARGETS], [None, self._targets])
        drawn = tf.random.uniform([self._negatives], 0, self._items, tf.int32)
        rows = tf.concat([tf.reshape(history, [-1]), tf.reshape(targets, [-1])], axis=0)
        items, places = tf.unique(tf.concat([rows, drawn], axis=0))
        selected = model.items.select(tf.maximum(items, 0))
        id_vectors = model.id_vectors(selected)  # once: two gathers of a table are two gradients, to be added up by row
        tables, candidates = model.encode(selected, training, id_vectors)
        of_history, of_targets, of_drawn = tf.split(places, [tf.size(history), tf.size(targets), self._negatives])
        local = tf.where(history >= 0, tf.reshape(of_history, tf.shape(history)), -1)
        queries = model.query(inputs, local, tables, training)
        wanted = tf.gather(candidates, tf.reshape(of_targets, tf.shape(targets)))
        others = tf.gather(candidates, of_drawn)
        weights = target_weights(targets, inputs[WEIGHTS], self._target_decay)
        losses = [
            self._loss(queries, wanted[:, place], targets[:, place], weights[:, place], others, drawn)
            for place in range(self._targets)
        ]
        occurrences = tf.math.unsorted_segment_sum(
            tf.cast(rows >= 0, tf.float32), places[: tf.size(rows)], tf.size(items)
        )
        penalty = model.penalty_of(selected, id_vectors, occurrences)
        return penalty + tf.add_n(losses) / tf.cast(tf.shape(history)[0], tf.float32)

    def _loss(self, queries: Any, candidates: Any, targets: Any, weights: Any, others: Any, drawn: Any) -> Any:
        rows = tf.where(targets >= 0)[:, 0]
        # Where no row of the batch has so many targets there is nothing to tell apart, and TFRS fails on no candidate.
        return tf.cond(
            tf.size(rows) > 0,
            lambda: self._of_rows(
                tf.gather(queries, rows),
                tf.concat([tf.gather(candidates, rows), others], axis=0),
                tf.concat([tf.gather(targets, rows), drawn], axis=0),
                tf.gather(weights, rows),
            ),
            lambda: tf.zeros([]),
        )

    def _of_rows(self, queries: Any, candidates: Any, ids: Any, weights: Any) -> Any:
        rows = tf.cast(tf.shape(queries)[0], tf.float32)
        expected = rows * tf.gather(self._frequencies, ids) + self._negatives / self._items
        return self._task(
            queries,
            candidates,
            sample_weight=weights,
            # Only the proportions count, and TFRS takes what is below 1e-6 for 1e-6.
            candidate_sampling_probability=expected / tf.reduce_max(expected),
            candidate_ids=ids,
            compute_metrics=False,
        )
