"""Looks at the push destination before the cache does: another served version is another question."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.proto.orchestration import driver_output_pb2

from components.push.served_model.executor import find_served

SERVED = "served"


class Driver(base_driver.BaseDriver, portable_base_driver.BaseDriver):  # type: ignore[misc]
    """Adds `"<version> <sha256>"` of what is served to the execution properties, hence to the cache key.

    Version and content: by content alone A, B, C, B, C at the destination would find C's old verdict.
    """

    def __init__(self, metadata_handle: Any) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: Any) -> Any:
        """Called by the launcher before the cache look-up."""
        other = find_served(execution_info.input_dict, execution_info.exec_properties)
        output = driver_output_pb2.DriverOutput()
        output.exec_properties[SERVED].string_value = f"{other.version} {other.digest}" if other else "nothing"
        return output
