"""Reads what the stages of a run left behind, as far as they came: a run that failed half-way has a report too."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from components import artifacts
from components.evaluation.results import BLESSED_FILE
from components.report.facts import RunFacts
from components.storage import storage_for
from serving.contract import BUNDLE_FILE, EXTRA_ASSETS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folders:
    """Where the stages left what they know; None where one has not run.

    Attributes:
      profile: ExampleGen's `profile`.
      training: By component id: the trainer's `model_run`.
      index: CandidateIndexer's `index`.
      bundle: The SavedModel of the bundle.
      embeddings: EmbeddingMap's `embeddings`.
      evaluation: The Evaluator's `evaluation`.
      blessing: The Evaluator's `blessing`.
    """

    profile: str | None = None
    training: Mapping[str, str] = dataclasses.field(default_factory=dict)
    index: str | None = None
    bundle: str | None = None
    embeddings: str | None = None
    evaluation: str | None = None
    blessing: str | None = None


def gather(folders: Folders, gate: str | None = None) -> RunFacts:
    """Everything but the people, whom only a loaded bundle can tell of.

    Args:
      folders: Addresses of the artifacts.
      gate: What DataGate wrote, as JSON.
    """
    training = {
        stage: content
        for stage, folder in folders.training.items()
        if (content := _read(folder, artifacts.TRAINING_LOG)) is not None
    }
    evaluation = _read(folders.evaluation, artifacts.GATE_REPORT)
    if evaluation is not None and folders.blessing is not None:
        blessed = f"{folders.blessing}/{BLESSED_FILE}"
        evaluation["blessed"] = storage_for(blessed).exists(blessed)
    return RunFacts(
        profile=_read(folders.profile, artifacts.DATA_PROFILE),
        gate=None if gate is None else json.loads(gate),
        training=training,
        index=_read(folders.index, artifacts.INDEX_REPORT),
        bundle=_read(folders.bundle, f"{EXTRA_ASSETS}/{BUNDLE_FILE}"),
        evaluation=evaluation,
        item_map=_read(folders.embeddings, artifacts.ITEM_MAP),
        genres=_read(folders.embeddings, artifacts.GENRE_REPORT),
    )


def _read(folder: str | None, name: str) -> Any:
    """The content of the JSON file in the folder; None where there is none."""
    if folder is None:
        return None
    path = f"{folder}/{name}"
    storage = storage_for(path)
    return json.loads(b"".join(storage.read(path))) if storage.exists(path) else None
