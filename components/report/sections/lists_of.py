"""Whose lists and ratings stand beside the bundle's: their names, colours and bars."""

from __future__ import annotations

from collections.abc import Mapping

from components.evaluation import metric_names as names
from components.evaluation.metric_kinds import METRICS, RATINGS
from components.evaluation.results import Figure
from components.report.charts.bars import Bar

STARS = tuple(metric.name for metric in METRICS.values() if metric.of == RATINGS)

MODEL, BASELINE, PEER, SERVED = "model", "base", "knn", "served"
"""Classes in the page's style."""


def longest_recall(figures: Mapping[str, Figure]) -> str | None:
    """Name of the recall of the longest list that was judged."""
    recalls = [name for name in figures if name.startswith("recall_at_") and name.rpartition("_")[2].isdigit()]
    return max(recalls, key=names.cut_off_of, default=None)


def bars_of(name: str, figure: Figure) -> list[Bar]:
    """The bundle's bar, with its interval, and those of what it is compared with."""
    baseline = "user + item means" if name in STARS else "popularity"
    return [
        Bar(name="this bundle", style=MODEL, value=figure.model, lower=figure.lower, upper=figure.upper),
        Bar(name="peer", style=PEER, value=figure.peer),
        Bar(name=baseline, style=BASELINE, value=figure.baseline),
        Bar(name="the served version", style=SERVED, value=figure.served),
    ]


def legend(figures: Mapping[str, Figure], among: list[str]) -> list[tuple[str, str]]:
    """Name and class of everything that has a bar among the figures."""
    found: dict[str, str] = {}
    for name in among:
        for bar in bars_of(name, figures[name]):
            if bar.value is not None:
                found[bar.name] = bar.style
    return list(found.items())
