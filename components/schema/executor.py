"""Writes a schema that came as text, so that the stages after it find it as an artifact."""

from __future__ import annotations

from typing import Any

from tfx.components.schema_gen.executor import DEFAULT_FILE_NAME
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils
from tfx.utils import io_utils

TEXT = "text"
SCHEMA = "schema"


class Executor(base_executor.BaseExecutor):
    """Writes the text; TFX's ImportSchemaGen would read a file, which a cluster's pod does not have."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        del input_dict
        uri = artifact_utils.get_single_uri(output_dict[SCHEMA])
        io_utils.write_string_file(f"{uri}/{DEFAULT_FILE_NAME}", exec_properties[TEXT])
