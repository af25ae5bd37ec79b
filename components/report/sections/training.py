"""How the two models learned: loss and eval metric of each epoch, seed by seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from components.evaluation.metric_kinds import label_of
from components.evaluation.metric_names import AT
from components.report.charts.lines import Line, lines
from components.report.numbers import figure
from components.report.report import Report
from components.report.section import Section, section

TITLES = {"RetrievalTrainer": "Retrieval", "RankingTrainer": "Ranking"}
STYLES = 5
"""Colours of seeds in the page's style; a sixth seed has the first one's."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seed:
    """What one model came to.

    Attributes:
      number: From 1.
      epochs: Epochs that it was trained for.
      best_epoch: The epoch whose weights were kept; None where none was evaluated.
      best_value: The eval metric in that epoch.
      last_loss: Training loss of its last epoch.
      refit_epochs: Epochs of its training on train + eval; None without a refit.
    """

    number: int
    epochs: int
    best_epoch: int | None
    best_value: float | None
    last_loss: float | None
    refit_epochs: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """What the section shows of one trainer."""

    title: str
    metric: str
    charts: Sequence[tuple[str, Markup]]
    seeds: Sequence[Seed]
    legend: Sequence[tuple[str, str]]
    train_metrics: Mapping[str, float | None]


def training(report: Report) -> Section | None:
    """Curves and the epochs that were kept."""
    found = [_training(stage, log) for stage, log in report.facts.training.items()]
    return section("training", "Training", trainings=found) if found else None


def _training(stage: str, log: Mapping[str, Any]) -> Training:
    metric: str = log["metric"]
    entries = log["epochs"]
    models = sorted({entry["model"] for entry in entries})
    seeds, loss_lines, metric_lines = [], [], []
    for model in models:
        own = [entry for entry in entries if entry["model"] == model]
        first, again = ([one for one in own if one.get("refit", False) is refit] for refit in (False, True))
        judged = [one for one in first if one.get(metric) is not None]
        best = _best(judged, metric, higher=log["higher_is_better"])
        name, style = f"seed {model}", f"seed-{(model - 1) % STYLES + 1}"
        loss_lines.append(Line(name=name, style=style, points=_points(first, "loss")))
        loss_lines.append(Line(name=f"{name}, train + eval", style=style, points=_points(again, "loss"), dashed=True))
        words = "" if best is None else f"{name}: kept epoch {best['epoch']}, {figure(best[metric])}"
        marked = [] if best is None else [((float(best["epoch"]), float(best[metric])), words)]
        metric_lines.append(Line(name=name, style=style, points=_points(judged, metric), marked=marked))
        seeds.append(_seed(model, first, again, best, metric))
    title, label = TITLES.get(stage, stage), label_of(metric.removeprefix("eval_").replace("@", AT))
    charts = (
        []
        if not models
        else [
            ("Training loss", _chart(loss_lines, f"{title}: training loss by epoch")),
            (label, _chart(metric_lines, f"{title}: {label} on the eval rows by epoch; " + _told(seeds, label))),
        ]
    )
    return Training(
        title=title,
        metric=label,
        charts=charts,
        seeds=seeds,
        legend=[(f"seed {model}", f"seed-{(model - 1) % STYLES + 1}") for model in models] if len(models) > 1 else [],
        train_metrics=log["train_metrics"],
    )


def _seed(
    number: int,
    first: Sequence[Mapping[str, Any]],
    again: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any] | None,
    metric: str,
) -> Seed:
    """What became of one model, by the epochs of its two trainings."""
    return Seed(
        number=number,
        epochs=max((one["epoch"] for one in first), default=0),
        best_epoch=None if best is None else best["epoch"],
        best_value=None if best is None else best[metric],
        last_loss=first[-1]["loss"] if first else None,
        refit_epochs=max((one["epoch"] for one in again), default=None),
    )


def _best(judged: Sequence[Mapping[str, Any]], metric: str, *, higher: bool) -> Mapping[str, Any] | None:
    """The first entry with the best metric."""
    sign = -1.0 if higher else 1.0
    return min(judged, key=lambda entry: sign * entry[metric], default=None)


def _points(entries: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(float(entry["epoch"]), float(entry[key])) for entry in entries if entry.get(key) is not None]


def _chart(found: Sequence[Line], words: str) -> Markup:
    return lines(found, y_label="", x_label="epoch", words=words, x_from=1.0, x_whole=True)


def _told(seeds: Sequence[Seed], label: str) -> str:
    return "; ".join(f"seed {seed.number} best {figure(seed.best_value)} in epoch {seed.best_epoch}" for seed in seeds)
