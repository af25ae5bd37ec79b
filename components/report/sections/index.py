"""The index: what each setting finds and costs, and which one was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from components.report.charts.lines import Level, Line, lines
from components.report.report import Report
from components.report.section import Section, section


def index(report: Report) -> Section | None:
    """Recall against time for ScaNN; a sentence for exact search."""
    found = report.facts.index
    if found is None:
        return None
    least = report.setting("index", "min_recall")
    curve = found.get("curve", [])
    return section(
        "index",
        "Index",
        index=found,
        least=least,
        settings=[(one, _is_chosen(found, one)) for one in curve],
        timed=any("microseconds" in one for one in curve),
        drawn=_chart(found, least) if curve and all("microseconds" in one for one in curve) else None,
    )


def _chart(found: Mapping[str, Any], least: float | None) -> Markup:
    k = found["k"]
    tried = [((one["microseconds"], one["recall"]), one) for one in found["curve"]]
    marked = [
        (
            point,
            f"chosen: {one['leaves_to_search']} leaves, {one['reorder']} reordered: {point[1]:.4f} in {point[0]:g} µs",
        )
        for point, one in tried
        if _is_chosen(found, one)
    ]
    line = Line(name="ScaNN", style="model", points=[point for point, _ in tried], marked=marked)
    exact = Line(
        name="exact search",
        style="base",
        points=[(found["exact_microseconds"], 1.0)] if found.get("exact_microseconds") else [],
    )
    words = f"Recall@{k} against time of a query, for {len(tried)} settings. " + "; ".join(told for _, told in marked)
    return lines(
        [line, exact],
        y_label=f"recall@{k} against exact search",
        x_label="µs a query",
        words=words,
        levels=[] if least is None else [Level(name=f"asked for: {least:g}", value=least)],
        x_from=0.0,
    )


def _is_chosen(found: Mapping[str, Any], setting: Mapping[str, Any]) -> bool:
    return all(setting[key] == found[key] for key in ("leaves_to_search", "reorder"))
