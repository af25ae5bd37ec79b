"""The page about what was watched: one file without any other."""

from __future__ import annotations

import datetime

from markupsafe import Markup

from components.report.charts.bars import Bar, bars
from components.report.charts.lines import Line, lines
from components.report.section import filled, section, source
from pipelines.watching.watch import Watched

STYLES = ("seed-1", "seed-2", "seed-3", "seed-4", "seed-5")


def render(watched: Watched) -> str:
    """The page, whole."""
    above = watched.above
    config = watched.config
    sections = [
        section("hits", "What came of the lists", watched=watched, charts=_charts(watched), styles=_legend(watched)),
        section("distances", "Skew and drift", watched=watched),
        section("asked", "Where the lists came from", watched=watched),
    ]
    return str(
        filled(
            "page.html.j2",
            title=f"{config.model} · watch",
            heading=f"Watch: {config.model}",
            hint=_days(config.first, config.last),
            badge=("too far: " + ", ".join(sorted({one.feature for one in above})), "refused")
            if above
            else ("nothing is too far", "passed"),
            sections=sections,
            style=source("style.css"),
            scripts=[],
        )
    )


def _days(first: datetime.date, last: datetime.date) -> str:
    return f"{first} (UTC)" if first == last else f"{first} to {last} (UTC)"


def _legend(watched: Watched) -> list[tuple[str, str]]:
    return [(f"version {version}", _style(watched, version)) for version in watched.by_day]


def _style(watched: Watched, version: int) -> str:
    return STYLES[sorted(watched.by_day).index(version) % len(STYLES)]


def _charts(watched: Watched) -> list[tuple[str, Markup]]:
    rates = [
        (
            f"version {one.version}",
            [
                Bar(
                    name="hit rate",
                    style=_style(watched, one.version),
                    value=one.hit_rate.value,
                    lower=one.hit_rate.lower,
                    upper=one.hit_rate.upper,
                )
            ],
        )
        for one in watched.clicks.versions
    ]
    charts = [
        ("Hit rate by version", bars(rates, words="Hit rate of each version with its interval", x_label="hit rate"))
    ]
    if any(len(found) > 1 for found in watched.by_day.values()):
        first = watched.config.first
        drawn = [
            Line(
                name=f"version {version}",
                style=_style(watched, version),
                points=[((day - first).days + 1, rate.value) for day, rate in found],
            )
            for version, found in watched.by_day.items()
        ]
        chart = lines(
            drawn,
            y_label="hit rate",
            x_label=f"day, 1 = {first}",
            words="Hit rate of each version by day",
            x_whole=True,
        )
        charts.append(("Hit rate by day", chart))
    return charts
