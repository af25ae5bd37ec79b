"""What is measured on the test rows, and what a bundle must reach to be blessed."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from components.evaluation.gate_config import GateConfig, complete
from components.evaluation.metric_kinds import register
from components.settings import Listed, Seed, at_least, between, require, settings


@settings("evaluation")
class EvaluationConfig:
    """Settings of evaluation and gates; docs/metrics.md has the rules and their error rates.

    Attributes:
      k: Length of the judged list; a tenth of the items with training rows where that is shorter.
      cut_offs: Further list lengths at which recall and NDCG are reported.
      metrics: Your own additional metrics of lists, each as `package.module:NAME` of a Metric
        (components/evaluation/metric_kinds.py); gates may use them.
      gates: Conditions of the blessing by name, which add to or change recall_lift, recall_peer, recall_change,
        rmse_ratio and rmse_change, each with `metric`, `against`, `rule` and `bound` (docs/metrics.md).
      slices: Categorical features by which figures are broken down, such as `item.genres` and `user.country`; lists
        only by features of users, ratings by features of items, too.
      bootstrap_samples: How many times users are resampled for the intervals.
      seed: Seed of the resampling.
    """

    k: Annotated[int, between(1, 100)] = 100
    cut_offs: Listed[int] = (10, 20)
    metrics: Listed[str] = ()
    gates: dict[str, GateConfig] = dataclasses.field(default_factory=dict)
    slices: Listed[str] = ("item.genres",)
    bootstrap_samples: Annotated[int, at_least(100)] = 1_000
    seed: Seed = 42

    def __post_init__(self) -> None:
        require(
            all(1 <= cut_off <= self.k for cut_off in self.cut_offs),
            "evaluation.cut_offs",
            "from 1 to evaluation.k",
            self.cut_offs,
        )
        register(self.metrics)
        for name, gate in complete(self.gates).items():
            _, _, cut_off = gate.metric.partition("_at_")
            is_within = not cut_off or int(cut_off) <= self.k
            require(is_within, f"evaluation.gates.{name}.metric", "a length of at most evaluation.k", gate.metric)
