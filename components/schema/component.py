"""CuratedSchema: the schema that the data is held to, as an artifact."""

from tfx.components.schema_gen.executor import DEFAULT_FILE_NAME
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils

# No `from __future__ import annotations`: TFX reads the types themselves.


@component
def CuratedSchema(text: Parameter[str], schema: OutputArtifact[standard_artifacts.Schema]) -> None:
    """Writes a schema that was made when the pipeline was put together.

    The text itself is the execution property: another schema never answers from the cache, and no file has to lie
    where the stage runs, as TFX's ImportSchemaGen wants one.

    Args:
      text: A TFMD Schema in text format, for instance `curated.to_text(curated.curated_schema("entities"))`.
      schema: Output.
    """
    io_utils.write_string_file(f"{schema.uri}/{DEFAULT_FILE_NAME}", text)
