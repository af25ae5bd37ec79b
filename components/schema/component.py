"""CuratedSchema: the schema that the data is held to."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.schema.executor import SCHEMA, TEXT, Executor


class CuratedSchemaSpec(ComponentSpec):
    """A schema's text in, the schema out."""

    PARAMETERS = {TEXT: ExecutionParameter(type=str)}
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {SCHEMA: ChannelParameter(type=standard_artifacts.Schema)}


class CuratedSchema(base_component.BaseComponent):
    """Hands on a schema that was made when the pipeline was put together.

    The text itself is the execution property: another schema never answers from the cache, and no file
    has to lie where the stage runs.

    Args:
      text: A TFMD Schema in text format, for instance `curated.to_text(curated.curated_schema("items"))`.

    Outputs: `schema` (standard Schema).
    """

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, text: str) -> None:
        super().__init__(CuratedSchemaSpec(text=text, schema=Channel(type=standard_artifacts.Schema)))
