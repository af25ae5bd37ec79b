"""EmbeddingMap: what the retrieval model's item vectors show."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts

from components.embeddings import executor

_Channel, _Parameter = component_spec.ChannelParameter, component_spec.ExecutionParameter


class EmbeddingMapSpec(component_spec.ComponentSpec):
    """Retrieval model, catalogue and sequences in; a map and a table of genres out."""

    PARAMETERS = {executor.CONFIG: _Parameter(type=str)}
    INPUTS = {
        executor.MODEL: _Channel(type=standard_artifacts.Model),
        executor.ITEMS: _Channel(type=standard_artifacts.Examples),
        executor.SEQUENCES: _Channel(type=standard_artifacts.Examples),
    }
    OUTPUTS = {executor.EMBEDDINGS: _Channel(type=standard_artifacts.ModelEvaluation)}


class EmbeddingMap(base_component.BaseComponent):
    """Puts the items on a map and measures how much of their genres the interactions tell.

    Output `embeddings`: `map.json` (`components.embeddings.item_map`) and `genres.json`
    (`components.embeddings.genre_report`). Nothing of what is judged or pushed depends on it.

    Args:
      model: The retrieval model.
      items: The entities; their split `items` is the catalogue.
      sequences: Rows of the users that the model was fit on.
      config: An EmbeddingsConfig as JSON.
    """

    SPEC_CLASS = EmbeddingMapSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, *, model: BaseChannel, items: BaseChannel, sequences: BaseChannel, config: str) -> None:
        super().__init__(
            EmbeddingMapSpec(
                model=model,
                items=items,
                sequences=sequences,
                config=config,
                embeddings=Channel(type=standard_artifacts.ModelEvaluation),
            )
        )
