"""How surprised a model is by what came next, given what it might have been."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.retrieval.losses.target_weights import target_weights

MASKED = -1e9


def cross_entropy(
    logits: Any, history: Any, targets: Any, weights: Any, *, target_decay: float, repeats: bool = False
) -> Any:
    """Mean over rows of the weighted mean of -log softmax(logits) at a row's targets, a scalar.

    Args:
      logits: float32 `[B, C]`, of `C` candidates.
      history: int32 `[B, H]`, columns of the logits (-1 = padding, or no candidate).
      targets: int32 `[B, T]`, the same, the next item first.
      weights: float32 `[B, T]`, see `target_weights`.
      target_decay: The same.
      repeats: Whether items of the history are candidates, too; where not, they are no targets.
    """
    if not repeats:
        logits = mask_rows(logits, history)
        again = tf.reduce_any(targets[:, :, tf.newaxis] == history[:, tf.newaxis, :], axis=2)
        weights = tf.where(again, 0.0, weights)
    log_normalizer = tf.reduce_logsumexp(logits, axis=1, keepdims=True)
    log_probability = tf.gather(logits, tf.maximum(targets, 0), batch_dims=1) - log_normalizer
    weighted = log_probability * target_weights(targets, weights, target_decay)
    return -tf.reduce_mean(tf.reduce_sum(weighted, axis=1))


def mask_rows(logits: Any, rows: Any) -> Any:
    """Lowers `logits` `[B, N]` at `rows` int32 `[B, H]` (-1 = none) far below every other."""
    present = tf.where(rows >= 0)
    positions = tf.stack([present[:, 0], tf.cast(tf.gather_nd(rows, present), tf.int64)], axis=1)
    return tf.tensor_scatter_nd_update(logits, positions, tf.fill([tf.shape(positions)[0]], MASKED))
