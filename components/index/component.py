"""CandidateIndexer: the index over all candidates."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.index import executor


class CandidateIndexerSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of the CandidateIndexer."""

    PARAMETERS = {executor.CONFIG_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        executor.MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        executor.ITEMS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        executor.SEQUENCES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {executor.INDEX_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model)}


class CandidateIndexer(base_component.BaseComponent):  # type: ignore[misc]
    """Embeds the catalogue and builds the index.

    Args:
      model: The retrieval model.
      items: The catalogue.
      sequences: Training rows of the users, whose queries measure recall.
      config: IndexConfig as JSON.
    """

    SPEC_CLASS = CandidateIndexerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, model: types.Channel, items: types.Channel, sequences: types.Channel, config: str) -> None:
        super().__init__(
            spec=CandidateIndexerSpec(
                model=model,
                items=items,
                sequences=sequences,
                config=config,
                index=types.Channel(type=standard_artifacts.Model),
            )
        )
