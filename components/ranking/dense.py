"""`dense`: all vectors side by side through dense layers with dropout."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.ranking.config import RankingConfig
from components.ranking.item_features import ItemFeatures
from components.ranking.known_ratings import KnownRatings
from components.ranking.rating_model import RatingModel


class Dense(RatingModel):
    """rating = mean + biases + network([user id, history, user features, item id, raters, item features])."""

    def __init__(self, config: RankingConfig, items: ItemFeatures, known: KnownRatings, seed: int) -> None:
        super().__init__(config, items, known, seed)
        self._network = hidden_layers(self, config)

    def join(self, parts: list[Any]) -> Any:
        return tf.concat(parts, axis=-1)

    def interaction(self, user: Any, item: Any, training: bool = False) -> Any:
        return self._network(tf.concat([user, item], axis=-1), training=training)[..., 0]


def hidden_layers(model: RatingModel, config: RankingConfig) -> Any:
    """Dense layers with ReLU and dropout, and one linear unit that ends in stars."""
    layers = []
    for width in config.layers:
        layers.append(tf.keras.layers.Dense(width, "relu", kernel_initializer=glorot(model)))
        layers.append(tf.keras.layers.Dropout(config.dropout, seed=model.next_seed()))
    layers.append(tf.keras.layers.Dense(1, kernel_initializer=glorot(model)))
    return tf.keras.Sequential(layers)


def glorot(model: RatingModel) -> Any:
    """Keras's default initial values, drawn with the model's seed."""
    return tf.keras.initializers.GlorotUniform(seed=model.next_seed())
