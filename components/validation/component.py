"""Wires the statistics and the gate; between them stands TFX's ExampleValidator."""

from tfx.dsl.components.base import base_beam_component, base_component, executor_spec
from tfx.types import BaseChannel, Channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.settings import from_json
from components.validation.config import StatisticsConfig
from components.validation.executor import (
    ENTITIES_ANOMALIES,
    GATE,
    SAMPLE_ABOVE,
    SEQUENCES_ANOMALIES,
    GateExecutor,
    StatisticsExecutor,
)


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
    """Anomalies in, permission out."""

    PARAMETERS: dict[str, ExecutionParameter] = {}
    INPUTS = {
        ENTITIES_ANOMALIES: ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        SEQUENCES_ANOMALIES: ChannelParameter(type=standard_artifacts.ExampleAnomalies),
    }
    OUTPUTS = {GATE: ChannelParameter(type=standard_artifacts.String)}


class DataGate(base_component.BaseComponent):
    """Stops the run when a validator found an error.

    Nodes that must wait for it have no data to take from it: `transform.add_upstream_node(gate)`.

    Args:
      entities_anomalies: Anomalies of the items and users.
      sequences_anomalies: Anomalies of the interactions.

    Outputs: `gate` (standard String, so that a passed gate is cached): JSON with the warnings.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(GateExecutor)

    def __init__(self, *, entities_anomalies: BaseChannel, sequences_anomalies: BaseChannel) -> None:
        super().__init__(
            DataGateSpec(
                entities_anomalies=entities_anomalies,
                sequences_anomalies=sequences_anomalies,
                gate=Channel(type=standard_artifacts.String),
            )
        )
