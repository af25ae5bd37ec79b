"""Wires the statistics and the gate; between them stands TFX's ExampleValidator."""

from typing import Any

from tfx.dsl.components.base import base_beam_component, base_component, executor_spec
from tfx.types import BaseChannel, Channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.ingestion.component import OVERRIDES
from components.settings import from_json
from components.validation.config import StatisticsConfig
from components.validation.executor import (
    AUDIT_USERS,
    DATA,
    EXAMPLES,
    GATE,
    MOVIES_ANOMALIES,
    RATINGS_ANOMALIES,
    SAMPLE_ABOVE,
    SEQUENCES,
    SPLIT,
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
      examples: Examples with row counts in their properties (artifacts.ROWS, artifacts.CATALOGUE_ROWS).
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
    """Anomalies and what ingestion wrote in, permission out."""

    PARAMETERS = {
        **OVERRIDES,
        DATA: ExecutionParameter(type=str, optional=True),
        SPLIT: ExecutionParameter(type=str, optional=True),
        AUDIT_USERS: ExecutionParameter(type=int, optional=True),
    }
    INPUTS = {
        MOVIES_ANOMALIES: ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        RATINGS_ANOMALIES: ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples, optional=True),
        SEQUENCES: ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS = {GATE: ChannelParameter(type=standard_artifacts.String)}


class DataGate(base_component.BaseComponent):
    """Stops the run when a validator found an error, or when what was written does not follow from the source.

    For the second, the source is read again and a sample of users recomputed (audit.py): a held-out row in
    a history or in a sequence makes metrics better, so no gate on metrics sees it.

    Nodes that must wait for it have no data to take from it: `transform.add_upstream_node(gate)`.

    Args:
      movies_anomalies: Anomalies of the catalogue.
      ratings_anomalies: Anomalies of the interactions.
      examples: The interactions; without them nothing is recomputed.
      sequences: The sequences of the users.
      data: The DataConfig as JSON.
      split: The SplitConfig as JSON.
      audit_users: AuditConfig.users.
      overrides: Values of a run in place of keys of `data`, as the ExampleGens got them.

    Outputs: `gate` (standard String, so that a passed gate is cached): JSON with the warnings and the number
    of users that were compared.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(GateExecutor)

    def __init__(
        self,
        *,
        movies_anomalies: BaseChannel,
        ratings_anomalies: BaseChannel,
        examples: BaseChannel | None = None,
        sequences: BaseChannel | None = None,
        data: str | None = None,
        split: str | None = None,
        audit_users: int = 0,
        **overrides: Any,
    ) -> None:
        super().__init__(
            DataGateSpec(
                movies_anomalies=movies_anomalies,
                ratings_anomalies=ratings_anomalies,
                examples=examples,
                sequences=sequences,
                data=data,
                split=split,
                audit_users=audit_users,
                gate=Channel(type=standard_artifacts.String),
                **overrides,
            )
        )
