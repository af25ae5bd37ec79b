"""Columns, stacked: how many of what."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from components.report.charts.frame import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, Frame
from components.report.charts.svg import drawing, text, titled

MOST_LABELS = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stack:
    """One part of every column.

    Attributes:
      name: What it counts.
      style: Its class in the page's style.
      values: Its height in each column, 0 or more.
    """

    name: str
    style: str
    values: Sequence[float]


def columns(labels: Sequence[str], stacks: Sequence[Stack], *, y_label: str, x_label: str, words: str) -> Markup:
    """A column for each label, its parts from the bottom up in the order of `stacks`.

    Args:
      labels: Below the columns; only some are written where there are many.
      stacks: The parts.
      y_label: What the height counts.
      x_label: What the columns are.
      words: What the chart shows, for screen readers.
    """
    totals = [sum(values) for values in zip(*(stack.values for stack in stacks), strict=True)]
    frame = Frame.of((0, 1), (0, max([*totals, 1]) * 1.02))
    parts = frame.grid(y_label, x_label)
    width = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    every = -(-len(labels) // MOST_LABELS)
    for position, label in enumerate(labels):
        left, bottom = LEFT + position * width, 0.0
        for stack in stacks:
            value = stack.values[position]
            top = frame.y.at(bottom + value)
            if value:
                parts.append(
                    titled(
                        "rect",
                        f"{label}: {value:,.0f} {stack.name}",
                        x=left + width * 0.08,
                        y=top,
                        width=width * 0.84,
                        height=max(frame.y.at(bottom) - top, 0.5),
                        class_=stack.style,
                    )
                )
            bottom += value
        if position % every == 0:
            parts.append(text(label, left + width / 2, HEIGHT - BOTTOM + 16, "tick", "middle"))
    return drawing(parts, width=WIDTH, height=HEIGHT, words=words)
