"""That a user had an item before, as a part of its score: for data in which people buy, hear or read again.

Inner products of a few dozens of dimensions cannot say "this very item, again", for which the identity matrix would be
needed; so it stands beside them, as what a network copies from its input does in RepeatNet (Ren et al., "RepeatNet: A
Repeat Aware Neural Recommendation Machine for Session-based Recommendation", AAAI 2019).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

SHARPNESS = 10.0
"""What one purchase, just now, adds: log(1 + SHARPNESS) times the weight; ten add less than twice as much."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Repeats:
    """How much a score rises for what the user had before.

    Attributes:
      weight: In the unit of the models' scores.
      half_life: After how many more recent rows a row counts half as much; 0: all alike.
    """

    weight: float
    half_life: float

    def __call__(self, history: Any) -> Any:
        """weight * log(1 + 10 Σ 2 ** (-age / half_life)), the sum over the rows of an item, at its newest place.

        Args:
          history: int32 `[B, H]`, catalogue rows, newest last, -1 = padding, anywhere.

        Returns:
          float32 `[B, H]`; 0 at padding and where the same item stands once more to the right.
        """
        present = history >= 0
        age = tf.cumsum(tf.cast(present, tf.float32), axis=1, reverse=True, exclusive=True)
        counts = tf.ones_like(age) if self.half_life == 0 else tf.pow(2.0, -age / self.half_life)
        users, places = tf.range(tf.shape(history)[0])[:, tf.newaxis], tf.range(tf.shape(history)[1])[tf.newaxis]
        of_user = tf.bitwise.left_shift(tf.cast(users, tf.int64), tf.constant(32, tf.int64))
        items, item = tf.unique(tf.reshape(of_user + tf.cast(history, tf.int64), [-1]), out_idx=tf.int64)
        shape, number = tf.shape(history), tf.size(items)
        total = tf.math.unsorted_segment_sum(tf.reshape(counts, [-1]), item, number)
        newest = tf.math.unsorted_segment_max(tf.reshape(tf.broadcast_to(places, shape), [-1]), item, number)
        at_newest = present & tf.equal(tf.reshape(tf.gather(newest, item), shape), places)
        scores = self.weight * tf.math.log1p(SHARPNESS * tf.reshape(tf.gather(total, item), shape))
        return tf.where(at_newest, scores, 0.0)
