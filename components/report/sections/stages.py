"""Where the time went, with what, and by which settings."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from components.report.charts.bars import Bar, bars
from components.report.report import Report
from components.report.section import Section, section


def stages(report: Report) -> Section | None:
    """Wall time of each stage, versions, settings."""
    summary, bundle = report.summary, report.facts.bundle or {}
    versions = summary.get("versions") or bundle.get("versions", {})
    if not versions and not summary:
        return None
    found = summary.get("stages", [])
    return section(
        "stages",
        "Stages, versions and settings" if summary else "Versions",
        stages=found,
        drawn=_chart(found) if found else None,
        versions=versions,
        config={name: json.dumps(values, indent=1) for name, values in summary.get("config", {}).items()},
        peak_memory=summary.get("peak_memory_bytes"),
    )


def _chart(found: list[dict[str, Any]]) -> Markup:
    groups = [
        (
            stage["id"],
            [Bar(name="cached" if stage["cached"] else stage["status"], style=_style(stage), value=stage["seconds"])],
        )
        for stage in found
    ]
    told = ", ".join(f"{stage['id']} {stage['seconds']:.1f} s" for stage in found)
    return bars(groups, words=f"Wall time of the stages: {told}", x_label="seconds", digits=1)


def _style(stage: dict[str, Any]) -> str:
    if stage["status"] != "ok":
        return "refused"
    return "base" if stage["cached"] else "model"
