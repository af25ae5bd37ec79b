"""The order of the final list: by relevance, by predicted stars, by a blend of the two, and less of the same.

Shapes: `B` rows, `C` candidates, `n` items of a list.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.best_columns import LOWEST

PADDING = -1e9  # below every value of a candidate, above LOWEST


def blend(scores: Any, stars: Any, real: Any, weight: float) -> Any:
    """(1 - weight) * relevance + weight * stars, each in standard deviations from its mean over the row's candidates.

    So a weight means the same for one averaged seed and for three, whose relevance has another scale. What
    does not vary within a row adds nothing.

    Args:
      scores: float32 `[B, C]`, relevance.
      stars: float32 `[B, C]`, predicted ratings.
      real: bool `[B, C]`, False at padding.
      weight: From 0 (relevance alone) to 1 (stars alone).
    """
    return (1 - weight) * _standardized(scores, real) + weight * _standardized(stars, real)


def most_relevant_and_different(values: Any, similarity: Any, real: Any, n: Any, diversity: float) -> Any:
    """Positions int32 `[B, n]` of a list by maximal marginal relevance.

    The next item is the one with the largest

        (1 - diversity) * value - diversity * (similarity to the most similar item of the list so far),

    values brought to [0, 1] within the row's candidates; Carbonell and Goldstein, "The Use of MMR, Diversity-Based
    Reranking for Reordering Documents and Producing Summaries", SIGIR 1998, with lambda = 1 - diversity. Of equal
    ones the first.

    Args:
      values: float32 `[B, C]`, what the list would be ordered by.
      similarity: float32 `[B, C, C]`, cosines.
      real: bool `[B, C]`, False at padding, which comes last.
      n: int32 scalar, at most C.
      diversity: From 0 (the order of `values`) to below 1.
    """
    lowest = tf.reduce_min(tf.where(real, values, -LOWEST), axis=1, keepdims=True)
    highest = tf.reduce_max(tf.where(real, values, LOWEST), axis=1, keepdims=True)
    gain = (1 - diversity) * tf.math.divide_no_nan(values - lowest, highest - lowest)
    gain = tf.where(real, gain, PADDING)

    def step(place: Any, free: Any, nearest: Any, picked: Any) -> tuple[Any, Any, Any, Any]:
        best = tf.argmax(tf.where(free, gain - diversity * nearest, LOWEST), axis=1, output_type=tf.int32)
        nearest = tf.maximum(nearest, tf.gather(similarity, best, batch_dims=1))
        free &= tf.logical_not(tf.one_hot(best, tf.shape(gain)[1], on_value=True, off_value=False))
        return place + 1, free, nearest, picked.write(place, best)

    start = (0, tf.ones_like(real), -tf.ones_like(gain), tf.TensorArray(tf.int32, n, element_shape=[None]))
    *_, picked = tf.while_loop(lambda place, *_: place < n, step, start)
    return tf.transpose(picked.stack())


def _standardized(values: Any, real: Any) -> Any:
    weights = tf.cast(real, tf.float32)
    count = tf.maximum(tf.reduce_sum(weights, axis=1, keepdims=True), 1.0)
    values = tf.where(real, values, 0.0)
    centered = (values - tf.reduce_sum(values, axis=1, keepdims=True) / count) * weights
    deviation = tf.sqrt(tf.reduce_sum(tf.square(centered), axis=1, keepdims=True) / count)
    return tf.math.divide_no_nan(centered, deviation)
