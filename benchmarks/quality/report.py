"""The tables of the quality benchmark: our figures with standard errors, and those of other systems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.measure import read_result
from benchmarks.quality.peers import PEERS
from benchmarks.quality.protocols import LISTS, Model, Protocol
from benchmarks.results_table import table

INTRODUCTION = """\
`make benchmark-quality` on ml-latest-small (100,836 ratings of 610 users, 9,742 items): the served bundle's answers to
`recommender score` and `recommender predict`, trained on train + valid (`--final-fit train_eval`: valid has chosen
the epochs). The protocol Beauty (`--sequences FILE`, data/Beauty.txt of S3-Rec) is on a file that a person gives.

**Bold** rows are measured by that command; ± is the standard error over users (lists) or rows (ratings), and a figure
of one split and one seed moves by as much. The other rows were measured once on one machine, outside of this project,
on the same rows with the same metrics, and are quoted."""

Results = list[tuple[Model, dict[str, Any]]]


def report(protocols: Sequence[Protocol], output: Path) -> str:
    """All tables of what was measured."""
    sections = []
    for protocol in protocols:
        results = [(model, read_result(protocol, model, output)) for model in protocol.models]
        measured: Results = [(model, result) for model, result in results if result is not None]
        if measured:
            sections.append(_section(protocol, measured))
    return "\n\n".join([INTRODUCTION, *sections])


def _section(protocol: Protocol, measured: Results) -> str:
    main = [(model, result) for model, result in measured if not model.architecture]
    parts = [f"### {protocol.name}. {protocol.title}", _main_table(protocol, main), _commands(main)]
    if any(model.architecture for model, _ in measured):
        parts += ["#### Rating models", _architecture_table(measured)]
    return "\n\n".join(parts)


def _main_table(protocol: Protocol, measured: Results) -> str:
    rows: list[tuple[float, list[str]]] = []
    for model, result in measured:
        cells = [_with_error(*result["scores"][metric]) for metric in protocol.metrics]
        rows.append((result["scores"][protocol.metrics[0]][0], [f"**{_label(protocol, model, result)}**", *cells]))
    for name, figures in PEERS[protocol.name].items():
        cells = [_plain(figures.get(metric), 3 if "coverage" in metric else 4) for metric in protocol.metrics]
        rows.append((figures[protocol.metrics[0]], [name, *cells]))
    rows.sort(key=lambda row: row[0], reverse=protocol.metrics[0] not in ("rmse", "mae", "mse"))
    return table(["system", *(_heading(metric) for metric in protocol.metrics)], [cells for _, cells in rows])


def _architecture_table(measured: Results) -> str:
    """Rating models of one seed each, best first."""
    rows = []
    for model, result in measured:
        if not (model.architecture or result["seeds"]["ranking"] == 1):
            continue
        scores, train = result["scores"], result["train_metrics"]
        label = model.label if model.architecture else "`factorization_machine` (default)"
        cells = [_plain(train["train_mse"]), _plain(train["train_mae"])]
        cells += [_with_error(*scores[name]) for name in ("mse", "mae", "rmse")]
        rows.append((scores["mse"][0], [label, *cells, result["refit_epochs"]["RankingTrainer"][0]]))
    header = ["`ranking.architecture`", "train MSE", "train MAE", "test MSE", "test MAE", "test RMSE", "epochs"]
    return table(header, [cells for _, cells in sorted(rows, key=lambda row: row[0])])


def _commands(measured: Results) -> str:
    return "\n".join(["```", *(result["command"] for _, result in measured), "```"])


def _label(protocol: Protocol, model: Model, result: dict[str, Any]) -> str:
    seeds = result["seeds"]["retrieval" if protocol.answers == LISTS else "ranking"]
    return f"{model.label}, {'one seed' if seeds == 1 else f'{seeds} seeds'}"


def _heading(metric: str) -> str:
    name, at, k = metric.partition("@")
    names = {"ndcg": "NDCG", "hr": "HR", "recall": "Recall", "rmse": "RMSE", "mae": "MAE", "mse": "MSE"}
    return names.get(name, name) + at + k


def _with_error(value: float, error: float) -> str:
    """The value, with its error where there is one: coverage has none."""
    return _plain(value, 3) if math.isnan(error) else f"{_plain(value)} ± {_plain(error)}"


def _plain(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
