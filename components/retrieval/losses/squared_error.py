"""Squared error over the whole catalogue: for data in which order means nothing."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.retrieval.rows import HISTORY, WEIGHTS
from components.retrieval.towers import pooling_weights


class SquaredError:
    """A user's own items should score 1, each without what it contributed itself, and all others 0.

    The sum over a user's items and the catalogue of (1 - score + own contribution)² and score²: EASE
    (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019) whose matrix of item
    weights has the rank of the embedding, and no diagonal. The sum of all squared scores of a query q is
    qᵀ(CᵀC)q, so no score of an item that is not the user's is ever computed, and a step costs the same
    per user whatever the size of the catalogue (as in Hu, Koren and Volinsky, "Collaborative filtering for
    implicit feedback datasets", ICDM 2008).
    """

    reads_catalogue = True

    @tf.autograph.experimental.do_not_convert  # type: ignore[misc]
    def __call__(self, model: Any, inputs: dict[str, Any], training: bool) -> Any:
        """Mean over users of the loss of `history` int32 `[B, H]` (catalogue rows, -1 = padding); no targets."""
        history = inputs[HISTORY]
        tables, candidates = model.encode(model.items)
        queries = model.query(inputs, history, tables, training)
        places = tf.where(history >= 0)
        users, items = places[:, 0], tf.gather_nd(history, places)
        scores = tf.reduce_sum(tf.gather(queries, users) * tf.gather(candidates, items), axis=1)
        own = _own_contributions(history, places, items, tables, candidates, model.query_tower.half_lives)
        weights = tf.gather_nd(inputs[WEIGHTS], places)
        of_known = weights * tf.square(1.0 - scores + own) - tf.square(scores)
        of_all = tf.matmul(queries, tf.matmul(candidates, candidates, transpose_a=True)) * queries
        total = tf.reduce_sum(of_all) + tf.reduce_sum(of_known)
        return model.penalty() + total / tf.cast(tf.shape(history)[0], tf.float32)


def _own_contributions(
    history: Any, places: Any, items: Any, tables: Any, candidates: Any, half_lives: tuple[float, ...]
) -> Any:
    """What each item of a history adds to its own score, float32 `[items of all histories]`."""
    poolings = len(half_lives)
    inputs = tf.reshape(tables, [-1, poolings, tables.shape[1] // poolings])
    with_itself = tf.reduce_sum(inputs * candidates[:, tf.newaxis, :-1], axis=2)  # [N, poolings]
    weights = tf.gather_nd(tf.stack(pooling_weights(history, half_lives), axis=2), places)
    return tf.reduce_sum(weights * tf.gather(with_itself, items), axis=1)
