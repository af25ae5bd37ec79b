"""The rule of the gates that compare a bundle with a strong peer or with the bundle that is served.

A bundle is refused when it is worse by more than noise *and* by more than matters: its 95 %
interval lies wholly on the worse side of 0, and the difference itself exceeds the tolerance. With
few users the interval decides, with many the tolerance. docs/metrics.md has the error rates.

The tolerance is never more than MOST_SHARE of the other's figure: .01 of a recall of .04 is a quarter of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from components.evaluation.metrics.bootstrap import Interval

MOST_SHARE = 0.1


def tolerated(bound: float, other: float) -> float:
    """How much worse a bundle may be in any case, where the other's figure is `other`."""
    return min(bound, MOST_SHARE * other) if other == other else bound


def headroom(difference: Interval, tolerance: float, higher_is_better: bool) -> Any:
    """How far the bundle is from being refused; below 0 it is refused, NaN where nothing was measured.

    Args:
      difference: The bundle's figure minus the other one's.
      tolerance: How much worse it may be in any case, 0 or more.
      higher_is_better: Of the figure.
    """
    if higher_is_better:
        return np.maximum(difference.upper, difference.value + tolerance)
    return np.maximum(-difference.lower, tolerance - difference.value)
