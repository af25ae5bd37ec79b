"""Runs TFMA on the bundle and, where something is served, on a copy of it: one blessing."""

from __future__ import annotations

from typing import Any

import tensorflow_model_analysis as tfma
from tfx.components.evaluator import executor as stock
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils, proto_utils

from components import progress
from components.artifacts import ABSENT, GATE_REPORT, SERVED_VERSION
from components.evaluation import shared_model
from components.evaluation.bundle_facts import read_bundle_facts, require_evaluate_signature
from components.evaluation.eval_config import fit_to_bundles
from components.evaluation.gates import judge
from components.evaluation.measured import read_measured
from components.evaluation.results import EvaluationResult, to_json
from components.push.storage import storage_for

_MODEL = standard_component_specs.MODEL_KEY
_BASELINE = standard_component_specs.BASELINE_MODEL_KEY
_EVAL_CONFIG = standard_component_specs.EVAL_CONFIG_KEY
_LOADER = "custom_eval_shared_model"  # TFX looks it up in the execution properties


class Executor(stock.Executor):  # type: ignore[misc]
    """TFX's Evaluator, which knows that a baseline may be absent and leaves its verdicts as sentences."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Evaluates, and writes `gates.json` beside TFMA's files."""
        inputs = _without_absent_baseline(input_dict)
        served_version = _served_version(inputs)
        eval_config, list_length = _fitted_config(inputs, exec_properties[_EVAL_CONFIG], served_version)
        properties = {
            **exec_properties,
            _EVAL_CONFIG: proto_utils.proto_to_json(eval_config),
            _LOADER: shared_model.PATH,
        }
        super().Do(inputs, output_dict, properties)
        evaluation_uri = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        result = judge(evaluation_uri, eval_config, read_measured(evaluation_uri), list_length, served_version)
        path = f"{evaluation_uri}/{GATE_REPORT}"
        storage_for(path).write(path, [to_json(result).encode()])
        _report(result)


def _without_absent_baseline(input_dict: dict[str, Any]) -> dict[str, Any]:
    """Drops a baseline that ServedModel marked; the stock executor would load its empty folder."""
    baseline = input_dict.get(_BASELINE)
    if baseline and not baseline[0].get_int_custom_property(ABSENT):
        return input_dict
    return {key: artifacts for key, artifacts in input_dict.items() if key != _BASELINE}


def _served_version(inputs: dict[str, Any]) -> str | None:
    if _BASELINE not in inputs:
        return None
    baseline = artifact_utils.get_single_instance(inputs[_BASELINE])
    return str(baseline.get_string_custom_property(SERVED_VERSION)) or "unknown"


def _fitted_config(inputs: dict[str, Any], text: str, served_version: str | None) -> tuple[Any, int | None]:
    eval_config = tfma.EvalConfig()
    proto_utils.json_to_proto(text, eval_config)
    model = read_bundle_facts(_model_path(inputs[_MODEL]))
    served = None
    if served_version is not None:
        served_path = _model_path(inputs[_BASELINE])
        require_evaluate_signature(served_path, served_version)
        served = read_bundle_facts(served_path)
    return fit_to_bundles(eval_config, model, served), model.list_length


def _model_path(artifacts: Any) -> str:
    return str(path_utils.serving_model_path(artifact_utils.get_single_uri(artifacts)))


def _report(result: EvaluationResult) -> None:
    progress.report("blessed" if result.blessed else "not blessed")
    for gate in result.gates:
        show = progress.report if gate.passed else progress.warn
        show("%s: %s", "passed" if gate.passed else "refused", gate.reason)
