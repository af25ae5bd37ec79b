"""Runs a `run_fn` with the catalogue and the sequences beside what TFX's Trainer hands it."""

from __future__ import annotations

import copy
import tempfile
from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import BASE_MODEL_KEY
from tfx.utils import io_utils, path_utils

from components import features, progress
from components.artifacts import ABSENT
from components.example_artifacts import feature_specs, fitted_parts, leave_out_seen, liked_from
from components.feature_specs import specs_to_json
from components.settings import overridden
from components.storage import storage_for
from components.training.inputs import (
    CONFIG,
    FEATURES,
    ITEMS,
    LEAVE_OUT_SEEN,
    LIKED_FROM,
    OVERRIDES,
    REFIT,
    SEQUENCES,
    START,
    USERS,
    WEIGHTS,
)
from components.training.replicas import is_chief
from components.training.warm_start import weights_path


class Executor(GenericExecutor):
    """TFX's GenericExecutor: adds the file patterns of the further inputs to `custom_config`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains; of several workers one writes the outputs, and the others what is thrown away."""
        if is_chief():
            super().Do(input_dict, output_dict, exec_properties)
            return
        with tempfile.TemporaryDirectory(prefix="recommender-worker-") as folder:
            super().Do(input_dict, _elsewhere(output_dict, folder), exec_properties)

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        served = input_dict.get(BASE_MODEL_KEY)  # TFX would load it, and there may be none
        others = {key: artifacts for key, artifacts in input_dict.items() if key != BASE_MODEL_KEY}
        fn_args = super()._GetFnArgs(others, output_dict, exec_properties)
        settings = dict(fn_args.custom_config or {})
        if served:
            settings[START] = _weights_of(artifact_utils.get_single_instance(served), settings[WEIGHTS])
        settings[CONFIG] = overridden(settings[CONFIG], exec_properties, OVERRIDES)
        entities, sequences = (artifact_utils.get_single_instance(input_dict[key]) for key in (ITEMS, SEQUENCES))
        fn_args.custom_config = {**settings, **data_settings(entities, sequences)}
        return fn_args


def _weights_of(served: Artifact, which: str) -> str | None:
    """The file of the weights to start from; None where nothing is served, or nothing that has them."""
    path = weights_path(path_utils.serving_model_path(served.uri), which)
    if served.get_int_custom_property(ABSENT):
        progress.report("nothing is served yet")
    elif not storage_for(path).exists(path):
        progress.warn("the served version has no %s weights to start from", which)
    else:
        return path
    return None


def data_settings(entities: Artifact, sequences: Artifact) -> dict[str, Any]:
    """What a `run_fn` must know of the data: file patterns, and how rows are to be understood."""
    return {
        ITEMS: _patterns(entities, features.ITEMS_SPLIT),
        USERS: _patterns(entities, features.USERS_SPLIT),
        FEATURES: specs_to_json(feature_specs(entities)),
        SEQUENCES: _patterns(sequences, features.SEQUENCES_SPLIT),
        REFIT: features.EVAL_PART in fitted_parts(sequences),
        LIKED_FROM: liked_from(sequences),
        LEAVE_OUT_SEEN: leave_out_seen(sequences),
    }


def _elsewhere(output_dict: dict[str, list[Artifact]], folder: str) -> dict[str, list[Artifact]]:
    moved = copy.deepcopy(output_dict)
    for key, (artifact,) in moved.items():
        artifact.uri = f"{folder}/{key}"
    return moved


def _patterns(examples: Artifact, split: str) -> list[str]:
    return [io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split))]
