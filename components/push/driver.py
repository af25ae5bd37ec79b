"""Notices pushes that have vanished, so that the cache never says "pushed" over an empty folder."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import standard_artifacts

from components.artifacts import PUSHED, PUSHED_DESTINATION
from components.push.executor import push_directory
from components.push.versions import is_complete
from components.storage import storage_for

VANISHED = "vanished_pushes"


class Driver(base_driver.BaseDriver, portable_base_driver.BaseDriver):  # type: ignore[misc]
    """Adds the number of vanished pushes to the execution properties, hence to the cache key.

    Its price: a rollback by deleting the newest version is undone by the next unchanged run. Roll
    back by the model server's version policy instead.
    """

    def __init__(self, metadata_handle: Any) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: Any) -> Any:
        """Called by the launcher before the cache look-up."""
        base = push_directory(execution_info.exec_properties).rstrip("/") + "/"
        with self._mlmd_connection as metadata:
            artifacts = metadata.store.get_artifacts_by_type(standard_artifacts.PushedModel.TYPE_NAME)
        output = driver_output_pb2.DriverOutput()
        output.exec_properties[VANISHED].int_value = len(_vanished(artifacts, base))
        return output


def _vanished(artifacts: Any, base: str) -> set[str]:
    destinations = {
        one.custom_properties[PUSHED_DESTINATION].string_value
        for one in artifacts
        if one.custom_properties[PUSHED].int_value
    }
    storage = storage_for(base)
    return {path for path in destinations if path.startswith(base) and not is_complete(storage, path)}
