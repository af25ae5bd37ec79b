"""One model on one protocol: a run, the bundle's answers, their scores."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.quality.protocols import LISTS, Model, Protocol
from benchmarks.quality.scores import DEPTH, list_scores, rating_scores

COMMAND = str(Path(sys.executable).parent / "recommender")


def measure(protocol: Protocol, output: Path) -> None:
    """Runs every model of a protocol and writes `<output>/<protocol>/<model>.json` for each."""
    split = output / "splits" / protocol.name
    items = split.parent / "movies.csv" if protocol.with_items else None
    folder = output / protocol.name
    for model in protocol.models:
        print(f"{protocol.name}: {model.label}", file=sys.stderr, flush=True)
        start = time.monotonic()
        summary = _run(model, split, items, folder)
        result = {
            "scores": _scores(protocol, split, items, summary["bundle"], folder),
            "seconds": time.monotonic() - start,
            "command": " ".join(command_of(protocol, model)),
            "seeds": {name: summary["config"][name]["seeds"] for name in ("retrieval", "ranking")},
            "refit_epochs": {stage: one["refit_epochs"] for stage, one in summary["training"].items()},
            "train_metrics": summary["training"].get("RankingTrainer", {}).get("train_metrics", {}),
        }
        (folder / f"{model.key}.json").write_text(json.dumps(result, indent=1))


def read_result(protocol: Protocol, model: Model, output: Path) -> dict[str, Any] | None:
    """What `measure` has written; None where it has not."""
    path = output / protocol.name / f"{model.key}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def command_of(protocol: Protocol, model: Model) -> list[str]:
    """The run as a person would type it, in the folder of the protocol's files."""
    files = ["--ratings", "train.csv", "--eval-ratings", "valid.csv", "--test-ratings", "test.csv"]
    settings = [part for setting in model.settings for part in ("--set", setting)]
    return [
        "recommender",
        "run",
        "--preset",
        model.preset,
        *files,
        *(["--items", "../movies.csv"] if protocol.with_items else []),
        "--final-fit",
        "train_eval",
        *settings,
    ]


def _run(model: Model, split: Path, items: Path | None, folder: Path) -> dict[str, Any]:
    """The summary of a run; models of a protocol share a folder, and so whatever their settings leave alone."""
    parts = zip(("--ratings", "--eval-ratings", "--test-ratings"), ("train", "valid", "test"), strict=True)
    files = [text for option, part in parts for text in (option, str(split / f"{part}.csv"))]
    settings = [text for setting in model.settings for text in ("--set", setting)]
    options = [
        "--preset",
        model.preset,
        *files,
        *([] if items is None else ["--items", str(items)]),
        "--final-fit",
        "train_eval",
        "--output",
        str(folder),
        *settings,
    ]
    subprocess.run([COMMAND, "run", *options], check=True, stdout=sys.stderr)
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary


def _scores(
    protocol: Protocol, split: Path, items: Path | None, bundle: str, folder: Path
) -> dict[str, tuple[float, float]]:
    train, valid, test = (pd.read_csv(split / f"{part}.csv") for part in ("train", "valid", "test"))
    known = pd.concat([train, valid])
    answers = folder / f"{protocol.answers}.csv"
    if protocol.answers == LISTS:
        options = ["--users", str(split / "test.csv"), "--n", str(DEPTH)]
        options += ["--output", str(answers), "--overwrite"]
        subprocess.run([COMMAND, "score", "--model", bundle, *options], check=True)
        catalogue = pd.concat([known, test])["item"].nunique() if items is None else len(pd.read_csv(items))
        lists = pd.read_csv(answers).rename(columns={"user_id": "user", "item_id": "item"})
        return list_scores(lists, known, test, catalogue)
    if protocol.known_users_only:
        test = test[test["user"].isin(known["user"])]
    options = ["--pairs", str(split / "test.csv")]
    subprocess.run([COMMAND, "predict", "--model", bundle, *options, "--output", str(answers)], check=True)
    return rating_scores(pd.read_csv(answers), test, known)
