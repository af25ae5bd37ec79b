"""Confidence intervals by drawing users with replacement (Efron 1979): the percentile bootstrap.

Users are drawn, not rows: the rows of a user depend on each other. A comparison of two models is
paired: both are looked at on the same drawn users, so that what makes users easy or hard cancels.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from components.evaluation.metrics.user_sums import Matrix, Vector

LEVEL = 0.95
_DRAWS_AT_ONCE = 4_000_000  # 32 MB of counts

Statistic = Callable[[Matrix], Vector]
"""Takes sums `[draws, columns]` and returns one number a draw."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
      value: Of all users.
      lower: The 2.5th percentile of the draws.
      upper: The 97.5th percentile.
    """

    value: float
    lower: float
    upper: float


class Bootstrap:
    """Draws of as many users (or groups of users) as there are.

    Args:
      sums: Sums by user or group, `[users, columns]`.
      samples: Number of draws.
      seed: Seed of the draws: the same sums give the same draws.
    """

    def __init__(self, sums: Matrix, samples: int, seed: int) -> None:
        self._total = sums.sum(axis=0, keepdims=True)
        self._drawn = _drawn_sums(sums, samples, seed)

    def interval(self, statistic: Statistic) -> Interval:
        """The statistic of all users and its interval.

        Draws in which it has no value (a share among no users) are left out; NaN where it has none
        among all users.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(statistic(self._total)[0])
            drawn = statistic(self._drawn)
        drawn = drawn[np.isfinite(drawn)]
        if not math.isfinite(value) or not len(drawn):
            return Interval(value, math.nan, math.nan)
        tail = 100 * (1 - LEVEL) / 2
        lower, upper = np.percentile(drawn, [tail, 100 - tail])
        return Interval(value, float(lower), float(upper))


def _drawn_sums(sums: Matrix, samples: int, seed: int) -> Matrix:
    users = len(sums)
    if not users:
        return np.zeros((0, sums.shape[1]))
    generator = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // users)
    parts = []
    for start in range(0, samples, step):
        draws = min(step, samples - start)
        drawn = generator.integers(users, size=(draws, users)) + users * np.arange(draws)[:, np.newaxis]
        how_often = np.bincount(drawn.ravel(), minlength=draws * users).reshape(draws, users)
        parts.append(how_often @ sums)
    return np.concatenate(parts)
