"""`matrix_factorization`: biases and the product of two id vectors."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.ranking.rating_model import RatingModel


class MatrixFactorization(RatingModel):
    """Koren, Bell, Volinsky (2009): rating = mean + b_u + b_i + <p_u, q_i>.

    With `implicit` in the configuration the mean vector of the user's history joins p_u, as in SVD++.
    """

    reads_raters = False
    reads_content = False
    is_inner_product = True

    @property
    def reads_history(self) -> bool:  # type: ignore[override]
        return self._config.implicit

    def join(self, parts: list[Any]) -> Any:
        return tf.add_n(parts)

    def interaction(self, user: Any, item: Any, training: bool = False) -> Any:
        return tf.reduce_sum(user * item, axis=-1)
