"""Settings of the rating model and its training."""

from __future__ import annotations

import dataclasses
import math

from components.ranking.architectures import DEFAULT, find_architecture
from components.settings import require, require_seed


@dataclasses.dataclass(frozen=True, kw_only=True)
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
      seeds: Models trained with different seeds whose ratings are averaged.
      epochs: Most epochs.
      epoch_rows: Most training rows of an epoch; larger data gives each epoch another part of itself.
      patience: Epochs without a lower eval error before training stops.
      batch_size: Rows a step; with fewer rows than this a step sees all of them.
      learning_rate: Adam's step size.
      seed: First seed.
    """

    architecture: str = DEFAULT
    embedding_dim: int = 16
    history_length: int = 200
    implicit: bool = False
    raters: int = 200
    layers: tuple[int, ...] = (64, 32)
    dropout: float = 0.2
    id_dropout: float = 0.02
    l2_ids: float = 30.0
    l2_history: float = 20.0
    l2_features: float = 40.0
    l2_user_features: float = 200.0
    l2_biases: float = 20.0
    l2_full_rows: int = 30_000
    seeds: int = 1
    epochs: int = 250
    epoch_rows: int = 4_000_000
    patience: int = 25
    batch_size: int = 131_072
    learning_rate: float = 0.01
    seed: int = 1

    def __post_init__(self) -> None:
        require(all(width >= 1 for width in self.layers), "ranking.layers", "widths of 1 or more", self.layers)
        require_seed(self.seed, "ranking.seed")
        find_architecture(self.architecture)
        for name in (
            "embedding_dim",
            "history_length",
            "raters",
            "l2_full_rows",
            "seeds",
            "epochs",
            "epoch_rows",
            "patience",
            "batch_size",
        ):
            require(getattr(self, name) >= 1, f"ranking.{name}", "1 or more", getattr(self, name))
        for name in ("l2_ids", "l2_history", "l2_features", "l2_user_features", "l2_biases"):
            require(getattr(self, name) >= 0, f"ranking.{name}", "0 or more", getattr(self, name))
        for name in ("dropout", "id_dropout"):
            require(0 <= getattr(self, name) < 1, f"ranking.{name}", "from 0 to below 1", getattr(self, name))
        require(0 < self.learning_rate <= 1, "ranking.learning_rate", "above 0 and at most 1", self.learning_rate)

    def l2_share(self, rows: int) -> float:
        """The share of their weight that the L2 settings have with so many training rows."""
        return min(1.0, math.sqrt(rows / self.l2_full_rows))
