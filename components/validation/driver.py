"""Looks at the push destination before the cache does: drift is measured from the data of what is served."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.proto.orchestration import driver_output_pb2

from components.validation.executor import reference_of

REFERENCE = "reference"


class Driver(base_driver.BaseDriver, portable_base_driver.BaseDriver):
    """Adds `"<version> <sha256>"` of the data that drift is measured from to the execution properties.

    So they are part of the cache's key: the same data are looked at again when they are compared with others.
    """

    def __init__(self, metadata_handle: Any) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: Any) -> Any:
        """Called by the launcher before the cache look-up."""
        reference = reference_of(execution_info.input_dict, execution_info.exec_properties)
        output = driver_output_pb2.DriverOutput()
        output.exec_properties[REFERENCE].string_value = (
            f"{reference.version} {reference.digest}" if reference else "nothing"
        )
        return output
