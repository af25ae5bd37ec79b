"""The page about a whole run: what its stages left, put together with what `summary.json` knows of the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.artifacts import REPORT_FACTS
from components.report.facts import RunFacts, from_json
from components.report.gather import Folders, gather
from components.report.page import render
from pipelines.whole_file import write_whole

Summary = Mapping[str, Any]
"""The content of a `summary.json` (docs/summary.md)."""


def write(summary: Summary, path: Path) -> None:
    """Writes the page in one step: a reader finds the old one or the new one, whole.

    Args:
      summary: Of the run, however it ended.
      path: Where the page goes; its folder exists.
    """
    write_whole(path, render(facts_of(summary), summary))


def facts_of(summary: Summary) -> RunFacts:
    """What RunReport has gathered; where the run ended before, what the stages until then have left."""
    outputs = {stage["id"]: stage.get("outputs", {}) for stage in summary.get("stages", ())}
    report = outputs.get("RunReport", {}).get("report")
    gathered = Path(report) / REPORT_FACTS if report else None
    if gathered is not None and gathered.is_file():
        return from_json(gathered.read_text(encoding="utf-8"))
    bundle = outputs.get("RecommenderBundler", {}).get("model")
    trainers = ("RetrievalTrainer", "RankingTrainer")
    folders = Folders(
        profile=outputs.get("ExampleGen", {}).get("profile"),
        training={name: run for name in trainers if (run := outputs.get(name, {}).get("model_run")) is not None},
        index=outputs.get("CandidateIndexer", {}).get("index"),
        bundle=bundle and f"{bundle}/Format-Serving",
        embeddings=outputs.get("EmbeddingMap", {}).get("embeddings"),
        evaluation=outputs.get("Evaluator", {}).get("evaluation"),
        blessing=outputs.get("Evaluator", {}).get("blessing"),
    )
    return gather(folders, _gate(outputs.get("DataGate", {}).get("gate")))


def _gate(uri: str | None) -> str | None:
    """The text of a String artifact, which is the file itself; None where there is none."""
    if uri is None or not Path(uri).is_file():
        return None
    return Path(uri).read_text(encoding="utf-8")
