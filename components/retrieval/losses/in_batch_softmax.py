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
    The query tower encodes the items of the histories and the candidate tower the candidates, and only their rows of
    the tables have a gradient: a step does not grow with the catalogue.

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
        candidate_rows = items[: last_candidate + 1]
        heard, of_heard = tf.unique(of_history)
        named_candidates = _occurrences(targets, of_targets, last_candidate + 1)
        of_candidates = model.gather(model.candidate_tower, candidate_rows, named_candidates, training)
        named_history = _occurrences(history, of_heard, tf.size(heard))
        of_tables = model.gather(model.query_tower, tf.gather(items, heard), named_history, training)
        tables = model.query_tower.tables(of_tables.items, of_tables.id_vectors)
        queries = model.query(inputs, _shaped(of_heard, history), tables, training)
        candidates = model.candidate_tower(of_candidates.items, of_candidates.id_vectors)
        logits = tf.matmul(queries, candidates, transpose_b=True) - self._log_q(candidate_rows, targets)
        among_candidates = _shaped(of_history, history)
        loss = cross_entropy(
            logits,
            tf.where(among_candidates <= last_candidate, among_candidates, -1),
            _shaped(of_targets, targets),
            inputs[WEIGHTS],
            target_decay=self._target_decay,
            repeats=self._repeats,
        )
        return loss + model.penalty_of(of_tables, of_candidates)

    def _log_q(self, items: Any, targets: Any) -> Any:
        """log of the probability that an item is a candidate, float32 `[C]`; of padding, so much that it is none."""
        present = tf.reduce_sum(tf.cast(targets >= 0, tf.float32))
        named = present * tf.gather(self._frequencies, tf.maximum(items, 0)) + self._negatives / self._items
        return tf.where(items >= 0, tf.math.log(-tf.math.expm1(-named)), -MASKED)


def _shaped(places: Any, rows: Any) -> Any:
    """The place int32 `[B * n]` of each of the rows int32 `[B, n]`, -1 where a row is padding."""
    return tf.where(rows >= 0, tf.reshape(places, tf.shape(rows)), -1)


def _occurrences(rows: Any, places: Any, size: Any) -> Any:
    """How many of the rows int32 `[B, n]` are at each of so many places, padding left out: float32 `[size]`."""
    present = tf.cast(tf.reshape(rows, [-1]) >= 0, tf.float32)
    return tf.math.unsorted_segment_sum(present, places, size)
