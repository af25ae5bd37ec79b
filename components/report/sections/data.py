"""The data and its splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from components.features import SPLITS
from components.ingestion.profile_facts import facts
from components.report.charts.columns import Stack, columns
from components.report.numbers import day
from components.report.report import Report
from components.report.section import Section, section

KINDS = {
    "leave_last": "the last interactions of each user are test rows, those before them eval rows",
    "last_days": "the last days are test rows, as many before them eval rows",
    "global_time": "rows after one moment are eval rows, after a second one test rows",
    "random": "a hash of user and item decides",
    "presplit": "the source came split",
}


def data(report: Report) -> Section | None:
    """Counts, times and oddities; what ratings, times and activity look like."""
    profile = report.facts.profile
    if profile is None:
        return None
    return section(
        "data",
        "Data and splits",
        profile=profile,
        kind=KINDS.get(profile["split"], ""),
        rows=sum(split["rows"] for split in profile["splits"]),
        understood=facts(profile),
        gate=report.facts.gate,
        charts=[chart for chart in _charts(profile) if chart is not None],
        entries=[(name, f"split-{name}") for name in SPLITS],
    )


def _charts(profile: Mapping[str, Any]) -> list[tuple[str, Markup] | None]:
    return [_ratings(profile["ratings"]), _periods(profile["periods"]), *_owners(profile)]


def _ratings(ratings: Mapping[str, Any] | None) -> tuple[str, Markup] | None:
    if ratings is None:
        return None
    labels = [f"{edge:g}" for edge in ratings["edges"]]
    words = "Ratings by stars: " + ", ".join(
        f"{label}: {sum(ratings[name][position] for name in SPLITS):,}" for position, label in enumerate(labels)
    )
    return "Ratings", columns(labels, _stacks(ratings), y_label="rows", x_label="stars", words=words)


def _periods(periods: Mapping[str, Any] | None) -> tuple[str, Markup] | None:
    if periods is None:
        return None
    edges = periods["edges"]
    long = edges[-1] - edges[0] > 3 * 365 * 86_400
    labels = [_month(day(edge)) if long else _without_century(day(edge)) for edge in edges[:-1]]
    words = f"Interactions over time, from {day(edges[0])} to {day(edges[-1] - 1)}"
    return "Over time", columns(labels, _stacks(periods), y_label="rows", x_label="from", words=words)


def _month(day: str) -> str:
    """2019-02 of 2019-02-28, whatever the length of the year."""
    return day.rpartition("-")[0]


def _without_century(day: str) -> str:
    """19-02-28 of 2019-02-28; a year of more or fewer than four digits stays whole."""
    return day[2:] if len(day) == len("2019-02-28") and day[0].isdigit() else day


def _owners(profile: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    made = []
    for key, title, owner in (
        ("rows_per_user", "How active users are", "users"),
        ("rows_per_item", "How popular items are", "items"),
    ):
        found = profile[key]
        edges, counts = [0, *found["edges"]], [found["without"], *found["counts"]]
        labels = [_span(low, high) for low, high in zip(edges, [*edges[1:], None], strict=True)]
        words = f"{title}: " + ", ".join(f"{label}: {number:,}" for label, number in zip(labels, counts, strict=True))
        stack = Stack(name=owner, style="plain", values=counts)
        made.append((title, columns(labels, [stack], y_label=owner, x_label="training rows", words=words)))
    return made


def _span(low: int, high: int | None) -> str:
    """1, 2–4, 5–9, 100k+."""
    if high is None:
        return f"{_short(low)}+"
    return _short(low) if high == low + 1 else f"{_short(low)}–{_short(high - 1)}"


def _short(value: int) -> str:
    return f"{value / 1000:.3g}k" if value >= 1_000 else str(value)


def _stacks(counts: Mapping[str, Any]) -> list[Stack]:
    return [Stack(name=f"{name} rows", style=f"split-{name}", values=counts[name]) for name in SPLITS]
