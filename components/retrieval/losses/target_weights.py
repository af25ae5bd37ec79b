"""How much each of the items after a cut counts: the next one most."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def target_weights(targets: Any, weights: Any, decay: float) -> Any:
    """Weights of targets, float32 `[B, T]`: (1 + position) ** -decay times its own weight, 0 at padding.

    Where every target's own weight is 1, those of a row add up to 1.

    Args:
      targets: int32 `[B, T]`, the next item first, -1 = padding.
      weights: float32 `[B, T]`, the targets' own weights.
      decay: 0 = all alike.
    """
    positions = tf.range(tf.shape(targets)[1], dtype=tf.float32)
    raw = tf.cast(targets >= 0, tf.float32) * tf.pow(1.0 + positions, -decay)
    return tf.math.divide_no_nan(raw * weights, tf.reduce_sum(raw, axis=1, keepdims=True))
