"""The result at a glance: the verdict and the few numbers that most people ask for."""

from __future__ import annotations

import dataclasses

from components.evaluation import metric_names as names
from components.evaluation.metric_kinds import label_of
from components.progress import duration
from components.report.numbers import count, figure, percent
from components.report.report import Report
from components.report.section import Section, section
from components.report.sections.lists_of import longest_recall


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tile:
    """A number, what it is, and what it stands beside."""

    label: str
    value: str
    beside: str = ""


def overview(report: Report) -> Section:
    """Verdict, failure and key figures."""
    evaluation, summary = report.evaluation, report.summary
    return section(
        "overview",
        "Overview",
        status=summary.get("status"),
        failure=summary.get("failure"),
        blessed=None if evaluation is None else evaluation.blessed,
        judged_anew=(summary.get("evaluation") or {}).get("judged_anew", True),
        refused=[] if evaluation is None else [gate.reason for gate in evaluation.gates if not gate.passed],
        push=summary.get("push"),
        notices=summary.get("notices", []),
        tiles=_tiles(report),
    )


def _tiles(report: Report) -> list[Tile]:
    figures, tiles = report.figures, []
    recall = longest_recall(figures)
    for name in [*([recall] if recall else []), names.ndcg_at(10)]:
        one = figures.get(name)
        if one is not None:
            peer = "peer" if report.evaluation is None else report.evaluation.peer
            compared = (("popularity", one.baseline), (peer, one.peer), ("served", one.served))
            others = [f"{label} {figure(value)}" for label, value in compared if value is not None]
            tiles.append(Tile(label=label_of(name), value=figure(one.model), beside=" · ".join(others)))
    rmse = figures.get(names.RMSE)
    if rmse is not None:
        beside = f"user + item means {figure(rmse.baseline)}"
        beside += "" if rmse.served is None else f" · served {figure(rmse.served)}"
        tiles.append(Tile(label="RMSE, stars", value=figure(rmse.model), beside=beside))
    coverage = figures.get(names.coverage_at(names.COVERAGE_CUT_OFF))
    if coverage is not None:
        tiles.append(
            Tile(
                label=label_of(names.coverage_at(names.COVERAGE_CUT_OFF)),
                value=percent(coverage.model),
                beside=f"popularity {percent(coverage.baseline)}",
            )
        )
    if report.facts.profile is not None:
        profile = report.facts.profile
        rows = sum(split["rows"] for split in profile["splits"])
        tiles.append(
            Tile(
                label="interactions",
                value=count(rows),
                beside=f"{count(profile['users'])} users · {count(profile['items'])} items",
            )
        )
    if report.summary.get("seconds") is not None:
        cached = sum(stage["cached"] for stage in report.summary["stages"])
        beside = f"{len(report.summary['stages'])} stages, {cached} from the cache"
        tiles.append(Tile(label="wall time", value=duration(report.summary["seconds"]), beside=beside))
    return tiles
