"""How the data is looked at before anything is trained on it."""

from __future__ import annotations

from components.settings import Count, Rate, settings


@settings("statistics")
class StatisticsConfig:
    """Settings of the statistics.

    Attributes:
      sample_above: Number of rows of a split above which statistics look at a sample of about this
        many of them.
      drift_above: A run warns if a feature's values are farther than this from those of the data that the served
        version was trained on. The distance is the largest difference of a value's share, or for numbers the
        Jensen–Shannon divergence; between 0 and 1.
    """

    sample_above: Count = 1_000_000
    drift_above: Rate = 0.1
