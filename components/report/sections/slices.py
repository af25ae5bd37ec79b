"""The same figures for parts of the test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components import features
from components.evaluation import metric_names as names
from components.evaluation.metric_kinds import label_of
from components.evaluation.results import Figure
from components.report.charts.bars import bars
from components.report.report import Report
from components.report.section import Section, section
from components.report.sections.lists_of import bars_of, longest_recall

TITLES = {
    features.USER_ACTIVITY: ("By activity of the user", "training rows of the user"),
    features.REQUEST_HISTORY: ("New people", "items in the question of somebody whom no model has seen"),
    features.ITEM_POPULARITY: ("By popularity of the item", "training rows of the item"),
    features.ITEM_GENRES: ("By genre", "an item counts in each of its genres"),
}
_ORDERS = {
    features.USER_ACTIVITY: [name for name, _ in features.USER_ACTIVITY_BUCKETS],
    features.ITEM_POPULARITY: [name for name, _ in features.ITEM_POPULARITY_BUCKETS],
    features.REQUEST_HISTORY: ["3", "5", "10"],
}

Parts = Sequence[tuple[str, Mapping[str, Figure]]]
"""Values of the feature and the figures of each."""


def slices(report: Report) -> Section | None:
    """Bars of recall and RMSE for each part that has them."""
    evaluation = report.evaluation
    if evaluation is None or not evaluation.slices:
        return None
    recall = longest_recall(evaluation.overall)
    groups = []
    others = {one.feature for one in evaluation.slices} - set(TITLES)
    for feature, (title, meaning) in {**TITLES, **{name: _title(name) for name in sorted(others)}}.items():
        parts = _parts(report, feature)
        if parts:
            charts = [
                (label_of(name), _chart(name, parts, title))
                for name in (recall, names.RMSE)
                if name is not None and any(name in figures for _, figures in parts)
            ]
            lists = any(recall in figures for _, figures in parts)
            groups.append({"title": title, "meaning": meaning, "parts": parts, "charts": charts, "lists": lists})
    return section("slices", "Slices", groups=groups, recall=recall, rmse=names.RMSE)


def _title(feature: str) -> tuple[str, str]:
    """The title and the words for a slice by a feature that the settings name, such as `user_country`."""
    entity, _, name = feature.partition("_")
    return f"By {name.replace('_', ' ')} of the {entity}", f"feature {entity}.{name}"


def _parts(report: Report, feature: str) -> Parts:
    assert report.evaluation is not None
    found = {one.value: one.metrics for one in report.evaluation.slices if one.feature == feature}
    order = _ORDERS.get(feature, [])
    return sorted(found.items(), key=lambda part: (order.index(part[0]) if part[0] in order else len(order), part[0]))


def _chart(name: str, parts: Parts, title: str) -> object:
    groups = [(value, bars_of(name, figures[name])) for value, figures in parts if name in figures]
    told = "; ".join(f"{value}: {figures[name].model:.4f}" for value, figures in parts if _measured(figures, name))
    label = "stars, lower is better" if name == names.RMSE else label_of(name)
    return bars(groups, words=f"{label_of(name)}, {title.lower()}: {told}", x_label=label)


def _measured(figures: Mapping[str, Figure], name: str) -> bool:
    return name in figures and figures[name].model is not None
