"""`factorization_machine`: everything that is known adds up to one vector a side, and the two are multiplied."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.ranking.rating_model import RatingModel


class FactorizationMachine(RatingModel):
    """A factorisation machine (Rendle 2010) in two towers: only user features meet item features.

    user = id + history / sqrt(n) + features, item = id + raters / sqrt(n) + features, all of one width,
    and rating = mean + biases + <user, item>. Strong L2 is what makes it good.
    """

    is_inner_product = True

    def join(self, parts: list[Any]) -> Any:
        return tf.add_n(parts)

    def interaction(self, user: Any, item: Any, training: bool = False) -> Any:
        return tf.reduce_sum(user * item, axis=-1)

    def _before_rows(self, parts: list[Any]) -> list[Any]:
        return [tf.add_n(parts)]
