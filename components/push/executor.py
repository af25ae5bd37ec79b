"""Publishes the bundle when it is blessed, under the next version."""

from __future__ import annotations

from typing import Any

from tfx.components.pusher import executor as stock
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils, proto_utils

from components import progress
from components.artifacts import PUSHED, PUSHED_DESTINATION, PUSHED_VERSION
from components.push.publish import publish

JUDGED = "judged"  # input


class Executor(stock.Executor):  # type: ignore[misc]
    """TFX's Pusher, which publishes by rename and never the same model twice in a row."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Pushes, or says in the artifact's properties that nothing was pushed."""
        pushed_model = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        pushed_model.set_int_custom_property(PUSHED, 0)
        if not self.CheckBlessing(input_dict):
            progress.warn("not blessed, so nothing is pushed")
            return
        judged = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[JUDGED]))
        pushed = self.GetModelPath(input_dict)
        publication = publish(pushed, push_directory(exec_properties), judged if judged != pushed else None)
        pushed_model.set_int_custom_property(PUSHED, int(publication.published))
        pushed_model.set_string_custom_property(PUSHED_VERSION, str(publication.version))
        pushed_model.set_string_custom_property(PUSHED_DESTINATION, publication.path)
        if publication.published:
            progress.report("pushed as version %d to %s", publication.version, publication.path)
        else:
            progress.report("version %d is this very model already: nothing to push", publication.version)


def push_directory(exec_properties: dict[str, Any]) -> str:
    """The folder of the versions, from the execution properties."""
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
    return str(destination.filesystem.base_directory)
