"""Wires the statistics and the gate; between them stands TFX's ExampleValidator."""

from tfx.dsl.components.base import base_beam_component, base_component, executor_spec
from tfx.types import BaseChannel, Channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.settings import from_json
from components.validation.config import StatisticsConfig
from components.validation.driver import Driver
from components.validation.executor import (
    ANOMALIES,
    GATE,
    PUSH_DIRECTORY,
    SAMPLE_ABOVE,
    SCHEMAS,
    GateExecutor,
    StatisticsExecutor,
)
from components.validation.kept_statistics import INPUTS


class RecommenderStatisticsGenSpec(ComponentSpec):
    """TFX StatisticsGen's input and output, and the size above which it samples."""

    PARAMETERS = {SAMPLE_ABOVE: ExecutionParameter(type=int)}
    INPUTS = {standard_component_specs.EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {standard_component_specs.STATISTICS_KEY: ChannelParameter(type=standard_artifacts.ExampleStatistics)}


class RecommenderStatisticsGen(base_beam_component.BaseBeamComponent):
    """Statistics as TFX's StatisticsGen writes them, of a sample of splits above a size.

    The rate of each split stands in the artifact's properties artifacts.SAMPLE_RATES.

    Args:
      examples: Examples with row counts in their properties (artifacts.USERS, artifacts.ITEMS).
      config: A StatisticsConfig as one line of JSON.

    Outputs: `statistics` (standard ExampleStatistics).
    """

    SPEC_CLASS = RecommenderStatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StatisticsExecutor)

    def __init__(self, *, examples: BaseChannel, config: str) -> None:
        super().__init__(
            RecommenderStatisticsGenSpec(
                examples=examples,
                sample_above=from_json(StatisticsConfig, config).sample_above,
                statistics=Channel(type=standard_artifacts.ExampleStatistics),
            )
        )


class DataGateSpec(ComponentSpec):
    """Anomalies in, permission out; statistics and schemas for the watch over drift."""

    PARAMETERS = {PUSH_DIRECTORY: ExecutionParameter(type=str)}
    INPUTS = {
        **{key: ChannelParameter(type=standard_artifacts.ExampleAnomalies) for key in ANOMALIES.values()},
        **{key: ChannelParameter(type=standard_artifacts.ExampleStatistics) for key in INPUTS.values()},
        **{key: ChannelParameter(type=standard_artifacts.Schema) for key in SCHEMAS.values()},
    }
    OUTPUTS = {GATE: ChannelParameter(type=standard_artifacts.String)}


class DataGate(base_component.BaseComponent):
    """Stops the run when a validator found an error, and warns where data are unlike those of the served version.

    Nodes that must wait for it have no data to take from it: `transform.add_upstream_node(gate)`.

    Args:
      push_directory: The push destination.
      inputs: For both `entities` and `sequences` the channels `…_anomalies`, `…_statistics` and `…_schema`.

    Outputs: `gate` (standard String, so that a passed gate is cached): JSON with the `warnings`, and as `drift` the
    `version` whose data were compared with and the distance of each of the `features` (null where nothing is served
    that was trained on other data).
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(GateExecutor)
    DRIVER_CLASS = Driver

    def __init__(self, *, push_directory: str, **inputs: BaseChannel) -> None:
        super().__init__(
            DataGateSpec(push_directory=push_directory, gate=Channel(type=standard_artifacts.String), **inputs)
        )
