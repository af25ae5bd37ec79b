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
    """

    sample_above: int = 1_000_000

    def __post_init__(self) -> None:
        require(self.sample_above >= 1, "statistics.sample_above", "1 or more", self.sample_above)
