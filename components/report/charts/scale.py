"""A scale takes values to places on a drawing and finds round numbers for its axis."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
    """A linear axis.

    Attributes:
      low: Value at `start`.
      high: Value at `end`.
      start: Place of `low`.
      end: Place of `high`; before `start` for an axis that points up.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value; values beyond the axis stop at its ends."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`, at most `most` of them."""
    if not math.isfinite(low) or not math.isfinite(high) or high <= low:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(
        magnitude * factor
        for factor in (1, 2, 5, 10, 20, 50)
        if math.floor(high / (magnitude * factor) + 1e-9) - math.ceil(low / (magnitude * factor) - 1e-9) < most
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_text(value: float) -> str:
    """A tick as short as it can be: 0.25, 1,200, 85k, 2M."""
    if abs(value) >= 1_000_000:
        return f"{value / 1e6:g}M"
    if abs(value) >= 10_000:
        return f"{value / 1e3:g}k"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{round(value, 6):g}"
