"""Copies the newest other version at the push destination, or marks the artifact absent."""

from __future__ import annotations

import json
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components import progress
from components.artifacts import ABSENT, SERVED_VERSION
from components.push.versions import OtherVersion, newest_other
from components.storage import copy_tree, storage_for

BUNDLE = "bundle"  # input: no name may be both input and output
MODEL = "model"
PUSH_DIRECTORY = "push_directory"
SERVED_FILE = "served.json"


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Finds the baseline by itself: on Kubeflow no driver runs before it."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Copies the served version; a copy, because TFX may delete what an artifact points at."""
        served = artifact_utils.get_single_instance(output_dict[MODEL])
        other = find_served(input_dict, exec_properties)
        if other is not None:
            copy_tree(other.path, path_utils.serving_model_dir(served.uri))
        described = {"absent": other is None, "version": other.version if other else None}
        path = f"{served.uri}/{SERVED_FILE}"
        storage_for(path).write(path, [json.dumps(described).encode()])
        served.set_int_custom_property(ABSENT, int(other is None))
        served.set_string_custom_property(SERVED_VERSION, str(other.version) if other else "")
        progress.report(
            "nothing else is served yet" if other is None else f"the new bundle will be compared with {other.version}"
        )


def find_served(input_dict: dict[str, Any], exec_properties: dict[str, Any]) -> OtherVersion | None:
    """The newest complete version at the push destination that is not the very model that comes in."""
    bundle = input_dict.get(BUNDLE)
    own = path_utils.serving_model_path(artifact_utils.get_single_uri(bundle)) if bundle else None
    return newest_other(exec_properties[PUSH_DIRECTORY], own)
