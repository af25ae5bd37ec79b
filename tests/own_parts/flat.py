"""A rating model of somebody's own, in a file that the project knows nothing of."""

from __future__ import annotations

import tensorflow as tf

from components.ranking.architectures import Architecture
from components.ranking.rating_model import RatingModel

FLAT = Architecture(
    model="tests.own_parts.flat:Flat",
    meaning="the negative squared distance of both vectors",
    defaults={"epochs": 12, "l2_ids": 3.0},
)


class Flat(RatingModel):
    """Users rate items that lie near them."""

    def join(self, parts):
        return tf.add_n(parts)

    def interaction(self, user, item, training=False):
        return -tf.reduce_sum(tf.square(user - item), axis=-1)
