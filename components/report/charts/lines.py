"""Lines: how a number changes, with the points that matter marked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from components.report.charts.frame import HEIGHT, LEFT, RIGHT, WIDTH, Frame
from components.report.charts.svg import drawing, element, text, titled

Point = tuple[float, float]
MOST_DOTS = 60
"""A line with more points than that is drawn without dots."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One line.

    Attributes:
      name: What it shows.
      style: Its class in the page's style.
      points: x and y, in the order in which they are joined.
      marked: Points that stand out, each with the words that it shows.
      dashed: Whether it is drawn in dashes.
    """

    name: str
    style: str
    points: Sequence[Point]
    marked: Sequence[tuple[Point, str]] = ()
    dashed: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """A horizontal line with its name: a bound, or what something else reaches."""

    name: str
    value: float


def lines(
    found: Sequence[Line],
    *,
    y_label: str,
    x_label: str,
    words: str,
    levels: Sequence[Level] = (),
    x_from: float | None = None,
    x_whole: bool = False,
) -> Markup:
    """Lines in one frame that fits all their points and levels.

    Args:
      found: The lines; those without points are left out.
      y_label: What the height says.
      x_label: What goes from left to right.
      words: What the chart shows, for screen readers.
      levels: Horizontal lines.
      x_from: Left end of the horizontal axis; None: the first point.
      x_whole: Whether the horizontal axis counts something.
    """
    drawn = [line for line in found if line.points]
    xs = [x for line in drawn for x, _ in line.points] + ([] if x_from is None else [x_from])
    ys = [y for line in drawn for _, y in line.points] + [level.value for level in levels]
    frame = Frame.of(_range(xs, 0.0), _range(ys, 0.06))
    parts = frame.grid(y_label, x_label) + frame.x_ticks(whole=x_whole)
    for level in levels:
        at = frame.y.at(level.value)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="level"))
        parts.append(text(level.name, LEFT + 4, at + 13, "tick"))
    for line in drawn:
        parts += _line(frame, line)
    return drawing(parts, width=WIDTH, height=HEIGHT, words=words)


def _line(frame: Frame, line: Line) -> list[Markup]:
    places = [(frame.x.at(x), frame.y.at(y)) for x, y in line.points]
    path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [element("path", d=path, class_=f"line {line.style}", stroke_dasharray="5 4" if line.dashed else None)]
    if len(places) <= MOST_DOTS:
        for (x, y), (value, height) in zip(places, line.points, strict=True):
            parts.append(
                titled("circle", f"{line.name}: {value:g}, {height:.4g}", cx=x, cy=y, r=2.5, class_=line.style)
            )
    for (value, height), words in line.marked:
        x, y = frame.x.at(value), frame.y.at(height)
        parts.append(titled("circle", words, cx=x, cy=y, r=5.5, class_=f"marked {line.style}"))
    return parts


def _range(values: Sequence[float], margin: float) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low == high:
        return low - 0.5, high + 0.5
    return low - margin * (high - low), high + margin * (high - low)
