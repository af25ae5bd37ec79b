"""What is measured on the test rows, and what a bundle must reach to be blessed."""

from __future__ import annotations

import dataclasses

from components.settings import require, require_seed


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Settings of evaluation and gates; docs/metrics.md has the rules and their error rates.

    Attributes:
      k: Length of the judged list; a tenth of the items with training rows where that is shorter.
      cut_offs: Further list lengths at which recall and NDCG are reported.
      min_recall_lift: The 95 % interval of recall@k minus popularity's must lie above this.
      max_rmse_ratio: The 95 % interval of RMSE divided by that of user + item means must lie below this.
      max_peer_drop: Recall@k may be this much below the peer's, however certain that is; more
        only where the 95 % interval of the difference reaches 0.
      max_recall_drop: Recall@k may be this much below the served bundle's, likewise.
      max_rmse_rise: RMSE may be this much above the served bundle's, in stars, likewise.
      slices: Categorical features by which figures are told apart, such as `item.genres` and `user.country`; lists by
        those of users, ratings by those of items, too.
      bootstrap_samples: Drawings of the users for the intervals.
      seed: Seed of the drawings.
    """

    k: int = 100
    cut_offs: tuple[int, ...] = (10, 20)
    min_recall_lift: float = 0.0
    max_rmse_ratio: float = 1.0
    max_peer_drop: float = 0.01
    max_recall_drop: float = 0.01
    max_rmse_rise: float = 0.01
    slices: tuple[str, ...] = ("item.genres",)
    bootstrap_samples: int = 1_000
    seed: int = 42

    def __post_init__(self) -> None:
        require(1 <= self.k <= 100, "evaluation.k", "from 1 to 100", self.k)
        require(
            all(1 <= c <= self.k for c in self.cut_offs),
            "evaluation.cut_offs",
            "from 1 to evaluation.k",
            self.cut_offs,
        )
        require(self.min_recall_lift < 1, "evaluation.min_recall_lift", "below 1", self.min_recall_lift)
        require_seed(self.seed, "evaluation.seed")
        require(self.max_rmse_ratio > 0, "evaluation.max_rmse_ratio", "above 0", self.max_rmse_ratio)
        for name in ("max_peer_drop", "max_recall_drop", "max_rmse_rise"):
            require(getattr(self, name) >= 0, f"evaluation.{name}", "0 or more", getattr(self, name))
        require(self.bootstrap_samples >= 100, "evaluation.bootstrap_samples", "100 or more", self.bootstrap_samples)
