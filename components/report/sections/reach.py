"""How far the lists reach into the catalogue: coverage, novelty, and how evenly items are shown."""

from __future__ import annotations

from components.evaluation.metric_kinds import label_of
from components.report.charts.bars import bars
from components.report.report import Report
from components.report.section import Section, section
from components.report.sections.lists_of import bars_of, legend

MEANINGS = {
    "coverage": "share of the catalogue that is in anybody's first items; higher: more items have a chance",
    "novelty": "mean surprise of the items shown, −log₂ of the item's share of the training rows, in bits; "
    "higher: less known items",
    "gini": "how unevenly the items of the catalogue are shown: 0 all alike, 1 one item takes all",
}


def is_of_reach(name: str) -> bool:
    """Whether the figure belongs to this section."""
    return name.partition("_")[0] in MEANINGS


def reach(report: Report) -> Section | None:
    """One small chart for each figure."""
    figures = {name: figure for name, figure in report.figures.items() if is_of_reach(name)}
    if not figures:
        return None
    shown = sorted(figures, key=lambda name: list(MEANINGS).index(name.partition("_")[0]))
    return section(
        "reach",
        "Coverage, novelty and concentration",
        rows=[(label_of(name), figures[name], MEANINGS[name.partition("_")[0]]) for name in shown],
        charts=[
            bars(
                [(label_of(name), bars_of(name, figures[name]))],
                words=f"{label_of(name)}: {MEANINGS[name.partition('_')[0]]}",
                x_label="bits" if name.startswith("novelty") else "",
                digits=2 if name.startswith("novelty") else 4,
            )
            for name in shown
        ],
        entries=legend(figures, shown),
        has_served=any(figures[name].served is not None for name in shown),
    )
