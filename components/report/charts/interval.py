"""A figure, its interval and the line that it is compared with, small enough for a table."""

from __future__ import annotations

from markupsafe import Markup

from components.report.charts.scale import Scale
from components.report.charts.svg import drawing, element, text, titled

WIDTH, HEIGHT = 190.0, 34.0


def interval(value: float, lower: float, upper: float, *, line: float, passed: bool, words: str) -> Markup:
    """A dot with whiskers beside a vertical line.

    Args:
      value: The figure.
      lower: Lower end of its interval.
      upper: Its upper end.
      line: Where the vertical line stands: no difference.
      passed: Whether it is drawn as something good.
      words: What it shows, for screen readers.
    """
    low, high = min(lower, line), max(upper, line)
    margin = (high - low or 1.0) * 0.12
    scale = Scale(low=low - margin, high=high + margin, start=6, end=WIDTH - 6)
    style = "passed" if passed else "refused"
    at, middle = scale.at(line), 12.0
    parts = [
        element("line", x1=at, x2=at, y1=2, y2=22, class_="level"),
        text(f"{line:g}", min(max(at, 8), WIDTH - 8), HEIGHT - 2, "tick", "middle"),
        element("line", x1=scale.at(lower), x2=scale.at(upper), y1=middle, y2=middle, class_=f"range {style}"),
        titled("circle", words, cx=scale.at(value), cy=middle, r=5, class_=style),
    ]
    return drawing(parts, width=WIDTH, height=HEIGHT, words=words)
