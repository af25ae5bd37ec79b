"""Cross entropy over the whole catalogue."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.retrieval.losses.target_weights import target_weights
from components.retrieval.rows import HISTORY, TARGETS, WEIGHTS

MASKED = -1e9


class FullSoftmax:
    """Every item but those of the history is a candidate; a row's loss is the weighted mean of its targets'.

    Args:
      target_decay: See `target_weights`.
      repeats: Whether items of the history are candidates, too; where not, they are no targets.
    """

    reads_catalogue = True

    def __init__(self, target_decay: float, *, repeats: bool = False) -> None:
        self._target_decay = target_decay
        self._repeats = repeats

    @tf.autograph.experimental.do_not_convert  # type: ignore[misc]
    def __call__(self, model: Any, inputs: dict[str, Any], training: bool) -> Any:
        """Mean loss of `history` int32 `[B, H]` and `targets` int32 `[B, T]` (catalogue rows, -1 = padding)."""
        history, targets = inputs[HISTORY], inputs[TARGETS]
        tables, candidates = model.encode(model.items, training)
        logits = tf.matmul(model.query(inputs, history, tables, training), candidates, transpose_b=True)
        weights = inputs[WEIGHTS]
        if not self._repeats:
            logits = mask_rows(logits, history)
            again = tf.reduce_any(targets[:, :, tf.newaxis] == history[:, tf.newaxis, :], axis=2)
            weights = tf.where(again, 0.0, weights)
        log_normalizer = tf.reduce_logsumexp(logits, axis=1, keepdims=True)
        log_probability = tf.gather(logits, tf.maximum(targets, 0), batch_dims=1) - log_normalizer
        weighted = log_probability * target_weights(targets, weights, self._target_decay)
        return model.penalty() - tf.reduce_mean(tf.reduce_sum(weighted, axis=1))


def mask_rows(logits: Any, rows: Any) -> Any:
    """Lowers `logits` `[B, N]` at `rows` int32 `[B, H]` (-1 = none) far below every other."""
    present = tf.where(rows >= 0)
    positions = tf.stack([present[:, 0], tf.cast(tf.gather_nd(rows, present), tf.int64)], axis=1)
    return tf.tensor_scatter_nd_update(logits, positions, tf.fill([tf.shape(positions)[0]], MASKED))
