"""`summary.json`: what a run did, for machines; docs/summary.md describes every field."""

from __future__ import annotations

import dataclasses
import json
import math
import resource
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from components.evaluation.results import Figure, Gate, SliceFigures
from pipelines.whole_file import write_whole

SCHEMA_VERSION = 1

RUNNING, OK, FAILED, INTERRUPTED = "running", "ok", "failed", "interrupted"

PACKAGES = (
    "tfx-recommenders",
    "tfx",
    "tensorflow",
    "tf-keras",
    "tensorflow-recommenders",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "scann",
    "apache-beam",
    "numpy",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageSummary:
    """A stage that was started.

    Attributes:
      id: Id of the component.
      status: `ok`, `failed` or `interrupted`.
      seconds: Wall-clock time.
      cached: Whether the result of an earlier run was reused.
      outputs: Folder of each of its outputs, by key; empty unless it ended well.
    """

    id: str
    status: str
    seconds: float
    cached: bool = False
    outputs: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSummary:
    """The data that was trained on and judged on.

    Attributes:
      source: The data set in words.
      has_ratings: Whether rows carry ratings.
      has_timestamps: Whether rows are dated.
      split: The kind of split that was used.
      rows: Rows of each split.
      users: Users of all splits.
      items: Items of the catalogue.
      duplicates_dropped: Rows left out because the same user and item came again.
      added_items: Items that occur in rows and not in the catalogue file.
      refit: Whether the models that were judged, the vocabularies and the baselines were fit on
        train + eval (the eval rows had chosen the number of epochs before), and not on train alone.
    """

    source: str
    has_ratings: bool
    has_timestamps: bool
    split: str
    rows: dict[str, int]
    users: int
    items: int
    duplicates_dropped: int
    added_items: int
    refit: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSummary:
    """What a trainer did.

    Attributes:
      epochs: Epochs that were trained, of all seeds and of a refit together.
      best_epoch: The epoch whose weights were kept; with a refit, that chose the length of the second training.
      metric: Name of the eval metric that chose it.
      best_value: That metric in that epoch; None where it was not measured.
      seconds: Sum of the epochs' training times.
      refit_epochs: Epochs of the training on train + eval, a number a seed; empty without a refit.
      train_metrics: What the kept models come to on the rows that they were trained on; empty where not measured.
    """

    epochs: int
    best_epoch: int
    metric: str
    best_value: float | None
    seconds: float
    refit_epochs: Sequence[int] = ()
    train_metrics: Mapping[str, float | None] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationSummary:
    """What the Evaluator found on the test rows.

    Attributes:
      blessed: Whether the bundle may be pushed.
      judged_anew: Whether this run judged, or reused an earlier verdict.
      served_version: The version compared with; None where nothing was served.
      peer: Name of the peer whose lists were judged beside the bundle's.
      metrics: Each metric of the bundle, of its baseline and of the served version.
      slices: The same metrics on parts of the test rows.
      gates: Each condition with verdict and reason.
    """

    blessed: bool
    judged_anew: bool
    served_version: str | None
    peer: str
    metrics: dict[str, Figure]
    gates: list[Gate]
    slices: list[SliceFigures] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PushSummary:
    """What became of the bundle.

    Attributes:
      pushed: Whether this run published a version.
      version: The version that it published; else None.
      path: Its folder; else None.
      reason: Why, in words.
      served_version: The newest complete version after the run; None where nothing was ever pushed.
    """

    pushed: bool
    version: int | None
    path: str | None
    reason: str
    served_version: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchScoresSummary:
    """Recommendations for every known user.

    Attributes:
      path: The rows: a Parquet file, or a folder of them.
      model_version: The pushed version that they are from.
      users: Users that were scored.
      rows: Rows, one for each user and rank.
      rejected: Users that could not be scored; `<path>.rejected.jsonl` says why.
    """

    path: str
    model_version: str
    users: int
    rows: int
    rejected: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failure:
    """Why the run ended early.

    Attributes:
      component: Id of the stage; None where it was none of them.
      message: The cause.
      error_log: File with the whole traceback; None where the message says everything.
    """

    component: str | None
    message: str
    error_log: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """A run.

    Attributes:
      schema_version: Rises when a field changes its meaning or goes away.
      status: `running`, `ok`, `failed` or `interrupted`.
      preset: Name or path of the preset.
      config: Every setting.
      started: When, ISO 8601, UTC.
      finished: When; None while the run is running or after it was killed.
      seconds: Wall-clock time.
      everything_cached: Whether no stage did anything anew.
      stages: The stages that were started, in the order in which they ended.
      data: None until ingestion has ended.
      training: By component id.
      index: The index's own report, `index.json`.
      bundle: Folder of the bundle that was judged, pushed or not.
      evaluation: None until the bundle was judged.
      push: None until the Pusher has ended.
      batch_scores: None where none were asked for, or nothing was ever pushed.
      report: The page about this run; None where it could not be written.
      failure: None unless the status is `failed` or `interrupted`.
      notices: Lines that a person should read even when everything goes well.
      versions: Of the packages that decide about the result.
      peak_memory_bytes: Largest resident memory of a process of the run.
    """

    schema_version: int = SCHEMA_VERSION
    status: str
    preset: str
    config: Mapping[str, Any]
    started: str
    finished: str | None = None
    seconds: float | None = None
    everything_cached: bool = False
    stages: Sequence[StageSummary] = ()
    data: DataSummary | None = None
    training: Mapping[str, TrainingSummary] = dataclasses.field(default_factory=dict)
    index: Mapping[str, Any] | None = None
    bundle: str | None = None
    evaluation: EvaluationSummary | None = None
    push: PushSummary | None = None
    batch_scores: BatchScoresSummary | None = None
    report: str | None = None
    failure: Failure | None = None
    notices: Sequence[str] = ()
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    peak_memory_bytes: int = 0


def write_summary(path: Path, summary: Summary) -> None:
    """Writes the file in one step: a reader finds the old one or the new one, whole."""
    write_whole(path, json.dumps(as_mapping(summary), indent=2) + "\n")


def as_mapping(summary: Summary) -> dict[str, Any]:
    """The content of the file."""
    content: dict[str, Any] = _finite(dataclasses.asdict(summary))
    return content


def versions() -> dict[str, str]:
    """Versions of the packages that decide about the result."""
    return {name: version for name in PACKAGES if (version := _version(name))}


def peak_memory_bytes() -> int:
    """Largest resident memory of this process, or of one that it has made, so far."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) * 1024


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: null stands for them."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
