"""Runs the Evaluator's executor on a fake bundle, without a metadata store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from components.evaluation.config import EvaluationConfig
from components.evaluation.executor import Executor
from components.evaluation.results import EvaluationResult, read_evaluation
from components.settings import to_json
from tests.components.evaluation.fake_bundle import Answers, Peers, Row, make_peers, save_bundle, write_rows


def evaluate(
    folder: Path,
    rows: list[Row],
    answers: Answers,
    *,
    peers: Peers | None = None,
    config: EvaluationConfig | None = None,
    served: Answers | None = None,
    absent: bool = False,
    runner: str = "FnApiRunner",
    shards: int = 3,
    bundle: dict[str, Any] | None = None,
    served_bundle: dict[str, Any] | None = None,
) -> EvaluationResult:
    has_ratings = rows[0].rating is not None
    write_rows(folder / "examples", rows, peers or make_peers(rows), shards)
    save_bundle(folder / "model" / "Format-Serving", answers, **{"has_ratings": has_ratings, **(bundle or {})})
    examples = _artifact(standard_artifacts.Examples, folder / "examples", 1)
    examples.split_names = artifact_utils.encode_split_names(["test"])
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("peer", "what the user had most")
    inputs = {"examples": [examples], "model": [_artifact(standard_artifacts.Model, folder / "model", 2)]}
    if served is not None or absent:
        baseline = _artifact(standard_artifacts.Model, folder / "served", 3)
        baseline.set_int_custom_property("absent", int(absent))
        baseline.set_string_custom_property("version", "" if absent else "1700000000")
        (folder / "served").mkdir()
        if served is not None:
            save_bundle(folder / "served" / "Format-Serving", served, **(served_bundle or {}))
        inputs["baseline_model"] = [baseline]
    outputs = {
        "evaluation": [_artifact(standard_artifacts.ModelEvaluation, folder / "evaluation", 4)],
        "blessing": [_artifact(standard_artifacts.ModelBlessing, folder / "blessing", 5)],
    }
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=[f"--runner={runner}", "--sdk_container_image=unused"],
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
    config = config or EvaluationConfig(k=20, cut_offs=(5, 10))
    properties = {"config": to_json(config), "has_ratings": int(has_ratings)}
    Executor(context).Do(inputs, outputs, properties)
    return read_evaluation(str(folder / "evaluation"), str(folder / "blessing"))


def _artifact(kind: Any, folder: Path, number: int) -> Any:
    artifact = kind()
    artifact.uri = str(folder)
    artifact.id = number
    return artifact
