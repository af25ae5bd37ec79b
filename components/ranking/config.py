"""Settings of the rating model and its training."""

from __future__ import annotations

import math

from components.ranking.architectures import DEFAULT, find_architecture
from components.settings import Count, Listed, Natural, Rate, Seed, Share, Weight, settings


@settings("ranking")
class RankingConfig:
    """Settings of the ranking model. L2 weights are in units of squared error per training row:
    the loss is mean squared error + share * l2 / rows * squared norm, where share = min(1, √(rows / l2_full_rows)),
    for what is right for many rows keeps few from telling anything. The defaults are those of the
    factorization_machine; a run with another architecture starts from that one's own, which are told below.

    Attributes:
      architecture: One of those below, or `package.module:NAME` of an Architecture of your own.
      embedding_dim: Width of the id vectors.
      history_length: Most recent interactions that the user side reads.
      implicit: Whether matrix_factorization reads the history too, as in SVD++.
      raters: Most recent raters that the item side reads (all but matrix_factorization).
      layers: Widths of the hidden layers (dense, cross).
      dropout: Share of hidden units dropped in training (dense, cross).
      id_dropout: Share of a batch's user ids, and of its item ids, replaced by the unknown id.
      l2_ids: L2 on id vectors.
      l2_history: L2 on history and rater vectors.
      l2_features: L2 on vectors of features of items.
      l2_user_features: L2 on vectors of features of users.
      l2_biases: L2 on biases.
      l2_full_rows: Training rows from which on L2 has its full weight; 1: always.
      seeds: Number of models, trained with different seeds, whose ratings are averaged.
      epochs: Maximum number of epochs.
      epoch_rows: Maximum training rows per epoch; with more data, each epoch gets a different part of it.
      patience: Epochs without a lower eval error before training stops; 0: by the data: 25 if an epoch has all rows,
        else as many as one pass over them takes, but at least 4.
      batch_size: Rows per step; if there are fewer rows than this, a step sees all of them.
      learning_rate: Adam's step size.
      seed: First seed.
    """

    architecture: str = DEFAULT
    embedding_dim: Count = 16
    history_length: Count = 200
    implicit: bool = False
    raters: Count = 200
    layers: Listed[Count] = (64, 32)
    dropout: Share = 0.2
    id_dropout: Share = 0.02
    l2_ids: Weight = 30.0
    l2_history: Weight = 20.0
    l2_features: Weight = 40.0
    l2_user_features: Weight = 200.0
    l2_biases: Weight = 20.0
    l2_full_rows: Count = 30_000
    seeds: Count = 1
    epochs: Count = 250
    epoch_rows: Count = 4_000_000
    patience: Natural = 25
    batch_size: Count = 131_072
    learning_rate: Rate = 0.01
    seed: Seed = 1

    def __post_init__(self) -> None:
        find_architecture(self.architecture)

    def l2_share(self, rows: int) -> float:
        """The share of their weight that the L2 settings have with so many training rows."""
        return min(1.0, math.sqrt(rows / self.l2_full_rows))
