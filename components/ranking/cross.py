"""`cross`: explicit products of features (DCN v2) before dense layers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.ranking.config import RankingConfig
from components.ranking.dense import glorot, hidden_layers
from components.ranking.item_features import ItemFeatures
from components.ranking.known_ratings import KnownRatings
from components.ranking.rating_model import RatingModel

CROSS_LAYERS = 2


class Cross(RatingModel):
    """Wang et al. (2021), DCN V2, stacked: x_{l+1} = x_0 * (W x_l + b) + x_l, then dense layers."""

    def __init__(self, config: RankingConfig, items: ItemFeatures, known: KnownRatings, seed: int) -> None:
        super().__init__(config, items, known, seed)
        self._crosses = [tfrs.layers.dcn.Cross(kernel_initializer=glorot(self)) for _ in range(CROSS_LAYERS)]
        self._network = hidden_layers(self, config)

    def join(self, parts: list[Any]) -> Any:
        return tf.concat(parts, axis=-1)

    def interaction(self, user: Any, item: Any, training: bool = False) -> Any:
        first = features = tf.concat([user, item], axis=-1)
        for cross in self._crosses:
            features = cross(first, features)
        return self._network(features, training=training)[..., 0]
