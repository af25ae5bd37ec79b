"""How the data is looked at before anything is trained on it."""

from __future__ import annotations

import dataclasses

from components.settings import require


@dataclasses.dataclass(frozen=True, kw_only=True)
class StatisticsConfig:
    """Settings of the statistics.

    Attributes:
      sample_above: Number of rows of a split above which statistics look at a sample of about this
        many of them.
      drift_above: Distance of a feature's values from those of the data that the served version was trained on above
        which a run warns: the largest difference of a value's share, or for numbers the Jensen–Shannon divergence;
        between 0 and 1.
    """

    sample_above: int = 1_000_000
    drift_above: float = 0.1

    def __post_init__(self) -> None:
        require(self.sample_above >= 1, "statistics.sample_above", "1 or more", self.sample_above)
        require(0 < self.drift_above <= 1, "statistics.drift_above", "above 0 and at most 1", self.drift_above)
