"""What the charts with two axes share: the frame, its grid and the words at its edges."""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from components.report.charts.scale import Scale, tick_text, ticks
from components.report.charts.svg import element, text

WIDTH, HEIGHT = 460.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 12.0, 24.0, 40.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Frame:
    """A drawing of fixed size with a horizontal and a vertical axis.

    Attributes:
      x: The horizontal axis.
      y: The vertical axis; points up.
    """

    x: Scale
    y: Scale

    @classmethod
    def of(cls, x: tuple[float, float], y: tuple[float, float]) -> Frame:
        """The frame for these ranges of values."""
        return cls(
            x=Scale(low=x[0], high=x[1], start=LEFT, end=WIDTH - RIGHT),
            y=Scale(low=y[0], high=y[1], start=HEIGHT - BOTTOM, end=TOP),
        )

    def grid(self, y_label: str, x_label: str) -> list[Markup]:
        """Horizontal lines at round values, and the names of both axes."""
        parts = [text(y_label, 4, 13, "label"), text(x_label, WIDTH - RIGHT, HEIGHT - 5, "label", "end")]
        for value in ticks(self.y.low, self.y.high):
            at = self.y.at(value)
            parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
            parts.append(text(tick_text(value), LEFT - 6, at + 4, "tick", "end"))
        return parts

    def x_ticks(self, *, whole: bool) -> list[Markup]:
        """Round values below the horizontal axis, on request whole numbers only."""
        return [
            text(tick_text(value), self.x.at(value), HEIGHT - BOTTOM + 16, "tick", "middle")
            for value in ticks(self.x.low, self.x.high, 7)
            if not whole or round(value, 6) == round(value)
        ]
