"""Runs TFMA on the bundle and, where something is served, on a copy of it: one blessing."""

from __future__ import annotations

from typing import Any

from tfx.components.evaluator import executor as stock
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils, path_utils, proto_utils

from components import progress
from components.artifacts import ABSENT, GATE_REPORT, PEER, SERVED_VERSION
from components.baselines.popularity_file import POPULARITY_FILE
from components.evaluation import shared_model
from components.evaluation.bundle_facts import read_bundle_facts, require_evaluate_signature
from components.evaluation.comparisons import is_cut_short
from components.evaluation.config import EvaluationConfig
from components.evaluation.eval_config import Judged, build_eval_config
from components.evaluation.gates import judge
from components.evaluation.results import EvaluationResult, to_json
from components.features import TEST
from components.settings import from_json
from components.storage import storage_for

# Keys of execution properties.
CONFIG, HAS_RATINGS, HAS_NEW_USERS = "config", "has_ratings", "has_new_users"

_EXAMPLES = standard_component_specs.EXAMPLES_KEY
_MODEL = standard_component_specs.MODEL_KEY
_BASELINE = standard_component_specs.BASELINE_MODEL_KEY
_LOADER = "custom_eval_shared_model"  # TFX looks it up in the execution properties


class Executor(stock.Executor):  # type: ignore[misc]
    """TFX's Evaluator, which knows that a baseline may be absent and leaves its verdicts as sentences."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Evaluates, and writes `gates.json` beside TFMA's files."""
        inputs = _without_absent_baseline(input_dict)
        served_version = _served_version(inputs)
        config = from_json(EvaluationConfig, exec_properties[CONFIG])
        judged = _judged(inputs, exec_properties, served_version)
        if is_cut_short(config, judged.model):
            progress.warn(
                "evaluation.k = %d, but the bundle was made for lists of %d: those are judged",
                config.k,
                judged.model.list_length,
            )
        only_rating = judged.model.only_rating if judged.has_ratings else None
        if only_rating is not None:
            progress.warn(
                "every training rating is %g: only lists are judged (without ratings: --set data.has_ratings=false)",
                only_rating,
            )
        properties = {
            **exec_properties,
            standard_component_specs.EVAL_CONFIG_KEY: proto_utils.proto_to_json(build_eval_config(config, judged)),
            standard_component_specs.EXAMPLE_SPLITS_KEY: json_utils.dumps([TEST]),
            _LOADER: shared_model.PATH,
        }
        super().Do(inputs, output_dict, properties)
        evaluation_uri = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        result = judge(
            evaluation_uri,
            judged.comparisons(config),
            judged.uncompared(config),
            judged.model.list_length,
            served_version,
            peer=_peer(inputs),
            only_rating=only_rating,
        )
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


def _peer(inputs: dict[str, Any]) -> str:
    examples = artifact_utils.get_single_instance(inputs[_EXAMPLES])
    return str(examples.get_string_custom_property(PEER)) or "the peer"


def _judged(inputs: dict[str, Any], exec_properties: dict[str, Any], served_version: str | None) -> Judged:
    served = None
    if served_version is not None:
        served_path = _model_path(inputs[_BASELINE])
        require_evaluate_signature(served_path, served_version)
        served = read_bundle_facts(served_path)
    return Judged(
        model=read_bundle_facts(_model_path(inputs[_MODEL])),
        served=served,
        has_ratings=bool(exec_properties[HAS_RATINGS]),
        has_new_users=bool(exec_properties.get(HAS_NEW_USERS)),
        popularity=f"{artifact_utils.get_single_uri(inputs[_EXAMPLES])}/{POPULARITY_FILE}",
    )


def _model_path(artifacts: Any) -> str:
    return str(path_utils.serving_model_path(artifact_utils.get_single_uri(artifacts)))


def _report(result: EvaluationResult) -> None:
    progress.report("blessed" if result.blessed else "not blessed")
    for gate in result.gates:
        show = progress.report if gate.passed else progress.warn
        show("%s: %s", "passed" if gate.passed else "refused", gate.reason)
