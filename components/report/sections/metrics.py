"""The figures on the test rows, beside simple peers and the served version."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from components.evaluation import metric_names as names
from components.evaluation.metric_kinds import label_of
from components.evaluation.results import Figure
from components.report.charts.bars import bars
from components.report.report import Report
from components.report.section import Section, section
from components.report.sections.lists_of import STARS, bars_of, legend
from components.report.sections.reach import is_of_reach

OF_THE_MEANS = "as a share of the means'"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetricRow:
    """A metric with everything that it is compared with.

    Attributes:
      name: Its name in the results.
      label: As people write it.
      figure: Its numbers.
      baseline: What the baseline is.
      against: Differences, of ratings a ratio first (OF_THE_MEANS), each with what it is to.
    """

    name: str
    label: str
    figure: Figure
    baseline: str
    against: list[tuple[str, Figure]]


def metrics(report: Report) -> Section | None:
    """A table, and bars of lists and of stars."""
    evaluation = report.evaluation
    if evaluation is None:
        return None
    figures = evaluation.overall
    shown = [name for name, figure in figures.items() if _is_shown(name, figure)]
    lists, stars = [name for name in shown if name not in STARS], [name for name in shown if name in STARS]
    charts = []
    for title, among, label in (
        ("Lists", lists, "share or mean"),
        ("Predicted ratings", stars, "stars, lower is better"),
    ):
        if among:
            groups = [(label_of(name), bars_of(name, figures[name])) for name in among]
            chart = bars(groups, words=f"{title}: {_told(figures, among)}", x_label=label)
            charts.append((title, chart, legend(figures, among)))
    return section(
        "metrics",
        "Metrics on the test rows",
        rows=[_row(name, figures, evaluation.peer) for name in shown],
        charts=charts,
        of_the_means=OF_THE_MEANS,
        users=figures.get(names.USERS),
        test_rows=figures.get(names.ROWS),
        served_version=evaluation.served_version,
        peer=evaluation.peer if any(figures[name].peer is not None for name in shown) else None,
        has_served=any(figures[name].served is not None for name in shown),
    )


def _is_shown(name: str, figure: Figure) -> bool:
    return figure.baseline is not None and not is_of_reach(name)


def _row(name: str, figures: Mapping[str, Figure], peer: str) -> MetricRow:
    stars = name in STARS
    ratio = figures.get(names.ratio(name))
    against = [] if ratio is None else [(OF_THE_MEANS, ratio)]
    for other, label in (
        (names.POPULARITY, "against popularity"),
        (names.PEER, f"against {peer}"),
        (names.SERVED, "against the served version"),
    ):
        difference = figures.get(names.minus(name, other))
        if difference is not None:
            against.append((label, difference))
    return MetricRow(
        name=name,
        label=label_of(name),
        figure=figures[name],
        baseline="user + item means" if stars else "popularity",
        against=against,
    )


def _told(figures: Mapping[str, Figure], among: list[str]) -> str:
    return "; ".join(f"{label_of(name)} {figures[name].model:.4f}" for name in among if figures[name].model)
