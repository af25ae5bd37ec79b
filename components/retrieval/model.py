"""The two-tower retrieval model: two towers and a loss.

Shapes: `B` rows, `H` history positions, `T` targets, `N` movies of the catalogue, `d` embedding_dim.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.examples import Floats
from components.retrieval.content import Items
from components.retrieval.towers import CandidateTower, QueryTower

Loss: TypeAlias = Callable[["TwoTowerModel", dict[str, Any], bool], Any]
"""Mean loss of a batch: model, `{HISTORY: int32 [B, H], TARGETS: int32 [B, T]}`, whether it is trained on."""


class TwoTowerModel(tfrs.Model):  # type: ignore[misc]
    """Scores movies for a history by the inner product of the towers' vectors.

    Args:
      query_tower: Embeds histories.
      candidate_tower: Embeds movies.
      items: The whole catalogue.
      loss: What is minimised, one of `components.retrieval.losses`.
      l2: Weight of the squared norm of all tables, added to the loss.
      id_penalties: float32 `[slots]`, each id vector's share of the norm; None: all 1.
      movie_dropout: Share of movies whose id a step hides.
    """

    def __init__(
        self,
        query_tower: QueryTower,
        candidate_tower: CandidateTower,
        items: Items,
        loss: Loss,
        *,
        l2: float,
        movie_dropout: float,
        id_penalties: Floats | None = None,
    ) -> None:
        super().__init__()
        self.query_tower = query_tower
        self.candidate_tower = candidate_tower
        self.items = items
        self._loss = loss
        self._l2 = l2
        self._id_penalties = None if id_penalties is None else tf.constant(id_penalties[:, np.newaxis])
        self._movie_dropout = movie_dropout

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Loss of a batch of histories and targets (catalogue rows, -1 = padding)."""
        return self._loss(self, inputs, training) + self._l2 * self._squared_norm()

    def encode(self, items: Items, training: bool) -> tuple[Any, Any]:
        """Input tables float32 `[n, poolings * d]` and candidates float32 `[n, d + 1]` of `n` movies.

        In training some movies have no id: unknown movies have a trained path then.
        """
        hidden = None
        if training and self._movie_dropout:
            hidden = tf.random.uniform([tf.size(items.slots)]) < self._movie_dropout
        return self.query_tower.tables(items, hidden), self.candidate_tower(items, hidden)

    def embed_catalogue(self) -> tuple[Any, Any]:
        """Input tables float32 `[N, poolings * d]` and candidates float32 `[N, d + 1]`."""
        return self.encode(self.items, training=False)

    def _squared_norm(self) -> Any:
        norms = []
        for encoder in (self.query_tower.encoder, self.candidate_tower.encoder):
            ids, *others = encoder.tables
            squared = tf.square(ids)
            norms.append(tf.reduce_sum(squared if self._id_penalties is None else squared * self._id_penalties))
            norms += [tf.reduce_sum(tf.square(table)) for table in others]
        return tf.add_n(norms)
