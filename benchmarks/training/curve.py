"""How good a model is after how many seconds of training."""

from __future__ import annotations

import dataclasses
import time


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """After one epoch.

    Attributes:
      seconds: Of training until then, evaluations left out.
      ndcg: NDCG@100 on the validation part.
    """

    seconds: float
    ndcg: float


@dataclasses.dataclass(kw_only=True)
class Curve:
    """One training.

    Attributes:
      rows: Training rows of an epoch.
      points: One an epoch.
    """

    rows: int
    points: list[Point] = dataclasses.field(default_factory=list)

    @property
    def best(self) -> float:
        """The highest NDCG@100."""
        return max(point.ndcg for point in self.points)

    @property
    def rows_per_second(self) -> float:
        """Over all epochs but the first, which traces and compiles (over that one where it is the only one)."""
        first, last = self.points[0], self.points[-1]
        if len(self.points) == 1:
            return self.rows / last.seconds
        return self.rows * (len(self.points) - 1) / (last.seconds - first.seconds)

    def seconds_to(self, ndcg: float) -> float | None:
        """Seconds of training until NDCG@100 was first reached; None where it never was."""
        return next((point.seconds for point in self.points if point.ndcg >= ndcg), None)


class Stopwatch:
    """Adds up the seconds between `start` and `stop`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started: float | None = None

    def start(self) -> None:
        """Goes on counting."""
        self._started = time.perf_counter()

    def stop(self) -> float:
        """Pauses; returns all seconds until now."""
        if self._started is not None:
            self.seconds += time.perf_counter() - self._started
            self._started = None
        return self.seconds
