"""Horizontal bars: the same figure of several things, for several parts of the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from components.report.charts.frame import WIDTH
from components.report.charts.scale import Scale, tick_text, ticks
from components.report.charts.svg import drawing, element, text, titled

RIGHT, TOP, BOTTOM = 50.0, 20.0, 24.0
LEAST_LABELS, MOST_LABELS = 70.0, 165.0
LETTER = 7.0  # width of a letter of a label, more than most have
BAR, GAP = 12.0, 9.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
      name: Whose figure it is.
      style: Its class in the page's style.
      value: Its length; None where there is no number.
      lower: Lower end of its 95 % interval; None: without one.
      upper: Its upper end.
    """

    name: str
    style: str
    value: float | None
    lower: float | None = None
    upper: float | None = None


Group = tuple[str, Sequence[Bar]]
"""A label and the bars that stand under it."""


def bars(groups: Sequence[Group], *, words: str, x_label: str, digits: int = 4, start: float = 0.0) -> Markup:
    """Groups of bars from the top down, each bar with its number.

    Args:
      groups: A group has a bar for each thing that has a number.
      words: What the chart shows, for screen readers.
      x_label: What the length says.
      digits: Decimals of the numbers.
      start: Where the axis begins; bars begin there.
    """
    shown = [(label, [bar for bar in found if bar.value is not None]) for label, found in groups]
    ends = [max(bar.value or 0.0, bar.upper or 0.0) for _, found in shown for bar in found]
    left = min(max([LETTER * len(label) + 12 for label, _ in shown] + [LEAST_LABELS]), MOST_LABELS)
    scale = Scale(low=start, high=max([*ends, start + 1e-9]) * 1.02, start=left, end=WIDTH - RIGHT)
    height = TOP + sum(BAR * len(found) + GAP for _, found in shown) + BOTTOM
    parts = [text(x_label, WIDTH - 4, height - 4, "label", "end")]
    for value in ticks(scale.low, scale.high, 4):
        at = scale.at(value)
        parts.append(element("line", x1=at, x2=at, y1=TOP - 4, y2=height - BOTTOM, class_="grid"))
        parts.append(text(tick_text(value), at, 11, "tick", "middle"))
    top = TOP
    for label, found in shown:
        middle = top + BAR * len(found) / 2
        parts.append(text(_short(label), left - 8, middle + 4, "row", "end"))
        for bar in found:
            parts += _bar(bar, scale, top, f"{label}, {bar.name}", digits)
            top += BAR
        top += GAP
    return drawing(parts, width=WIDTH, height=height, words=words)


def _bar(bar: Bar, scale: Scale, top: float, name: str, digits: int) -> list[Markup]:
    assert bar.value is not None
    end = scale.at(bar.value)
    title = f"{name}: {bar.value:.{digits}f}"
    middle, after = top + BAR / 2, end
    whisker = []
    if bar.lower is not None and bar.upper is not None:
        title += f" ({bar.lower:.{digits}f} to {bar.upper:.{digits}f})"
        left, after = scale.at(bar.lower), scale.at(bar.upper)
        whisker = [
            element("line", x1=left, x2=after, y1=middle, y2=middle, class_="whisker"),
            element("line", x1=left, x2=left, y1=middle - 3, y2=middle + 3, class_="whisker"),
            element("line", x1=after, x2=after, y1=middle - 3, y2=middle + 3, class_="whisker"),
        ]
    box = titled(
        "rect", title, x=scale.start, y=top + 1, width=max(end - scale.start, 0.5), height=BAR - 2, class_=bar.style
    )
    return [box, *whisker, text(f"{bar.value:.{digits}f}", max(end, after) + 4, middle + 3.5, "value")]


def _short(label: str, most: int = 22) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
