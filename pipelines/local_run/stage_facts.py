"""Reads what the stages of a run left in their artifacts, for the summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components import artifacts
from components.errors import InputError
from components.evaluation.results import read_evaluation
from components.features import SPLITS
from components.push.versions import newest
from pipelines.local_run.stages import OutputArtifact, StageResult
from pipelines.local_run.summary import BatchScoresSummary, DataSummary, EvaluationSummary, PushSummary, TrainingSummary

Results = Mapping[str, StageResult]
"""What each stage came to, by component id."""


def read(results: Results, source: str, split: str, destination: Path) -> dict[str, Any]:
    """Everything that the stages of a run can tell, as fields of a Summary.

    Args:
      results: Stages that ended well; what a missing stage would tell is None.
      source: The data set in words.
      split: The kind of split that was used.
      destination: The folder of pushed versions.
    """
    everything_cached = bool(results) and all(one.cached for one in results.values())
    evaluation = read_evaluation_summary(results)
    return {
        "everything_cached": everything_cached,
        "data": read_data(results, source=source, split=split),
        "training": read_training(results),
        "index": read_index(results),
        "bundle": read_bundle(results),
        "evaluation": evaluation,
        "push": read_push(
            results,
            blessed=evaluation is not None and evaluation.blessed,
            everything_cached=everything_cached,
            destination=destination,
        ),
        "batch_scores": read_batch_scores(results),
    }


def read_data(results: Results, *, source: str, split: str) -> DataSummary | None:
    """Facts from the artifacts of the ExampleGen; None until it has ended."""
    examples = _output(results, "ExampleGen", "examples")
    if examples is None:
        return None
    return DataSummary(
        source=source,
        has_ratings=bool(_count(examples, artifacts.HAS_RATINGS)),
        has_timestamps=bool(_count(examples, artifacts.HAS_TIMESTAMPS)),
        split=split,
        rows={name: _count(examples, artifacts.ROWS[name]) for name in SPLITS},
        users=_count(examples, artifacts.USERS),
        items=_count(examples, artifacts.ITEMS),
        duplicates_dropped=_count(examples, artifacts.DUPLICATES_DROPPED),
        added_items=_count(examples, artifacts.ADDED_TO_CATALOGUE),
        refit=bool(_count(examples, artifacts.REFIT)),
    )


def read_training(results: Results) -> dict[str, TrainingSummary]:
    """Facts from each trainer's `training.json`, by component id."""
    logs = {stage: _output(results, stage, "model_run") for stage in ("RetrievalTrainer", "RankingTrainer")}
    return {stage: _training(log.path / artifacts.TRAINING_LOG) for stage, log in logs.items() if log is not None}


def read_index(results: Results) -> dict[str, Any] | None:
    """The index's own report."""
    index = _output(results, "CandidateIndexer", "index")
    return None if index is None else dict(_read_json(index.path / artifacts.INDEX_REPORT))


def read_bundle(results: Results) -> str | None:
    """The folder of the SavedModel."""
    bundle = _output(results, "RecommenderBundler", "model")
    return None if bundle is None else str(bundle.path / "Format-Serving")


def read_evaluation_summary(results: Results) -> EvaluationSummary | None:
    """Metrics and gates."""
    evaluation, blessing = _output(results, "Evaluator", "evaluation"), _output(results, "Evaluator", "blessing")
    if evaluation is None or blessing is None:
        return None
    result = read_evaluation(evaluation.uri, blessing.uri)
    return EvaluationSummary(
        blessed=result.blessed,
        judged_anew=not results["Evaluator"].cached,
        served_version=result.served_version,
        peer=result.peer,
        metrics=result.overall,
        slices=result.slices,
        gates=result.gates,
    )


def read_push(
    results: Results,
    *,
    blessed: bool,
    everything_cached: bool,
    destination: Path,
) -> PushSummary | None:
    """What the Pusher did in this run; what it did in an earlier one does not count."""
    artifact = _output(results, "Pusher", "pushed_model")
    if artifact is None:
        return None
    pushed = bool(_count(artifact, artifacts.PUSHED)) and not results["Pusher"].cached
    version = int(artifact.properties[artifacts.PUSHED_VERSION]) if pushed else None
    return PushSummary(
        pushed=pushed,
        version=version,
        path=str(destination / str(version)) if pushed else None,
        reason=_push_reason(pushed, blessed, everything_cached),
        served_version=newest(destination),
    )


def read_batch_scores(results: Results) -> BatchScoresSummary | None:
    """What the BatchScorer has written, in this run or in the one whose result was reused."""
    scores = _output(results, "BatchScorer", "scores")
    if scores is None or artifacts.PUSHED_VERSION not in scores.properties:
        return None
    return BatchScoresSummary(
        path=str(scores.path / artifacts.SCORED_ROWS),
        model_version=str(scores.properties[artifacts.PUSHED_VERSION]),
        **{name: _count(scores, name) for name in artifacts.SCORED_COUNTS},
    )


def _push_reason(pushed: bool, blessed: bool, everything_cached: bool) -> str:
    if pushed:
        return "blessed"
    if not blessed:
        return "not blessed"
    if everything_cached:
        return "nothing changed: this very bundle was judged and pushed before"
    return "already served: the newest version is this very bundle"


def _training(path: Path) -> TrainingSummary:
    log = _read_json(path)
    entries: list[dict[str, Any]] = log["epochs"]
    metric: str = log["metric"]
    best = [entry.get(metric) for entry in entries if _is_best(entry, log)]
    last_epochs = {(entry.get("refit", False), entry["model"]): entry["epoch"] for entry in entries}
    return TrainingSummary(
        epochs=sum(last_epochs.values()),
        best_epoch=log["best_epoch"],
        metric=metric,
        best_value=best[0] if best else None,
        seconds=round(sum(entry["seconds"] for entry in entries), 3),
        refit_epochs=log["refit_epochs"],
        train_metrics=log["train_metrics"],
    )


def _is_best(entry: Mapping[str, Any], log: Mapping[str, Any]) -> bool:
    return (entry["epoch"], entry["model"], "refit" in entry) == (log["best_epoch"], log["best_model"], False)


def _output(results: Results, stage: str, key: str) -> OutputArtifact | None:
    return results[stage].outputs.get(key) if stage in results else None


def _count(artifact: OutputArtifact, key: str) -> int:
    return int(artifact.properties.get(key, 0))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"the artifact {path.parent} is incomplete: {path.name} is missing",
            action="delete the artifact's folder and run the same command again: the stage is then computed anew",
        ) from None
    return content
