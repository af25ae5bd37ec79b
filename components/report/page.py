"""Puts the sections together: one file without any other, to be opened from disk, read, printed and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from components.report.facts import RunFacts
from components.report.report import Report
from components.report.section import Section, filled, source
from components.report.sections.data import data
from components.report.sections.gates import gates
from components.report.sections.genres import genres
from components.report.sections.index import index
from components.report.sections.item_map import item_map
from components.report.sections.metrics import metrics
from components.report.sections.overview import overview
from components.report.sections.people import people
from components.report.sections.reach import reach
from components.report.sections.slices import slices
from components.report.sections.stages import stages
from components.report.sections.training import training

SECTIONS: tuple[Callable[[Report], Section | None], ...] = (
    overview,
    gates,
    metrics,
    slices,
    reach,
    people,
    item_map,
    genres,
    data,
    training,
    index,
    stages,
)
"""The sections, in the order of the page."""


def render(facts: RunFacts, summary: Mapping[str, Any] | None = None) -> str:
    """The page, whole.

    Args:
      facts: What the stages left.
      summary: The run's `summary.json` (docs/summary.md); None where only its artifacts are known.
    """
    report = Report(facts=facts, summary=summary or {})
    name = report.summary.get("preset") or "recommender"
    sections = [made for make in SECTIONS if (made := make(report)) is not None]
    return str(
        filled(
            "page.html.j2",
            title=f"{name} · run report",
            heading=f"Run report: {name}",
            hint=_hint(report),
            badge=_badge(report),
            sections=sections,
            style=source("style.css"),
            scripts=[source("page.js"), source("item_map.js")],
        )
    )


def _hint(report: Report) -> str:
    """A line that says where the data come from and when the run began."""
    found = (report.facts.profile or {}).get("source") or (report.summary.get("data") or {}).get("source", "")
    started = report.summary.get("started")
    return f"{found} · started {started.replace('T', ' ').replace('+00:00', ' UTC')}" if started else str(found)


def _badge(report: Report) -> tuple[str, str] | None:
    """How the run ended, and the style of it."""
    status = report.summary.get("status")
    if status in ("failed", "interrupted"):
        return status, "refused"
    if report.evaluation is None:
        return None
    return ("✓ blessed", "passed") if report.evaluation.blessed else ("✕ not blessed", "refused")
