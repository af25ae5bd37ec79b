"""Cross entropy over the targets of the batch and some drawn items: for catalogues whose every item is too many."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.examples import Floats
from components.retrieval.losses.cross_entropy import MASKED, cross_entropy
from components.retrieval.rows import HISTORY, TARGETS, WEIGHTS


class InBatchSoftmax:
    """The full softmax over a sample of the catalogue.

    The candidates of every row are the targets of all rows, each item once, and some items drawn evenly from the
    catalogue: without them nothing pushes down what is rare in batches (Yang et al., "Mixed negative sampling for
    learning two-tower neural networks in recommendations", WWW 2020). How likely an item is to be a candidate is taken
    out of its logit, logQ (Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations",
    RecSys 2019): for an item that is named n times in the mean, of the batch or by the draw, 1 - exp(-n). Otherwise
    candidates are what they are in the full softmax: items of a row's own history are none of its.
    Only items of the batch and drawn ones are encoded, and only their rows of the tables have a gradient: a step does
    not grow with the catalogue.

    Args:
      frequencies: float32 `[N]`, share of training rows of each item (of Transform's counting).
      target_decay: See `target_weights`.
      negatives: Items that are drawn for every step.
      repeats: Whether items of the history are candidates, too.
    """

    reads_catalogue = False

    def __init__(self, frequencies: Floats, target_decay: float, negatives: int, *, repeats: bool = False) -> None:
        self._frequencies = tf.constant(frequencies, tf.float32)
        self._items = len(frequencies)
        self._negatives = negatives
        self._target_decay = target_decay
        self._repeats = repeats

    @tf.autograph.experimental.do_not_convert  # type: ignore[misc]
    def __call__(self, model: Any, inputs: dict[str, Any], training: bool) -> Any:
        """Mean loss of `history` int32 `[B, H]` and `targets` int32 `[B, T]` (catalogue rows, -1 = padding)."""
        history, targets = inputs[HISTORY], inputs[TARGETS]
        drawn = tf.random.uniform([self._negatives], 0, self._items, tf.int32)
        # tf.unique keeps the order of first occurrence, so candidates come first, and what only histories hold last.
        named = tf.concat([tf.reshape(targets, [-1]), drawn, tf.reshape(history, [-1])], axis=0)
        items, places = tf.unique(named)
        of_targets, of_drawn, of_history = tf.split(places, [tf.size(targets), self._negatives, tf.size(history)])
        last_candidate = tf.reduce_max(tf.concat([of_targets, of_drawn], axis=0))
        selected = model.items.select(tf.maximum(items, 0))
        id_vectors = model.id_vectors(selected)  # once: two gathers of a table are two gradients, to be added up by row
        tables, candidates = model.encode(selected, training, id_vectors)
        local = tf.where(history >= 0, tf.reshape(of_history, tf.shape(history)), -1)
        queries = model.query(inputs, local, tables, training)
        candidates = candidates[: last_candidate + 1]
        logits = tf.matmul(queries, candidates, transpose_b=True) - self._log_q(items[: last_candidate + 1], targets)
        loss = cross_entropy(
            logits,
            tf.where(local <= last_candidate, local, -1),
            tf.where(targets >= 0, tf.reshape(of_targets, tf.shape(targets)), -1),
            inputs[WEIGHTS],
            target_decay=self._target_decay,
            repeats=self._repeats,
        )
        of_batch = tf.concat([of_targets, of_history], axis=0)
        present = tf.concat([tf.reshape(targets, [-1]), tf.reshape(history, [-1])], axis=0) >= 0
        occurrences = tf.math.unsorted_segment_sum(tf.cast(present, tf.float32), of_batch, tf.size(items))
        return loss + model.penalty_of(selected, id_vectors, occurrences)

    def _log_q(self, items: Any, targets: Any) -> Any:
        """log of the probability that an item is a candidate, float32 `[C]`; of padding, so much that it is none."""
        present = tf.reduce_sum(tf.cast(targets >= 0, tf.float32))
        named = present * tf.gather(self._frequencies, tf.maximum(items, 0)) + self._negatives / self._items
        return tf.where(items >= 0, tf.math.log(-tf.math.expm1(-named)), -MASKED)
