"""CandidateIndexer: the index over all candidates."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.example_artifacts import fitted_parts
from components.index.config import IndexConfig
from components.index.executor import index_catalogue
from components.settings import from_json

# No `from __future__ import annotations`: TFX reads the types themselves.


@component
def CandidateIndexer(
    model: InputArtifact[standard_artifacts.Model],
    items: InputArtifact[standard_artifacts.Examples],
    sequences: InputArtifact[standard_artifacts.Examples],
    config: Parameter[str],
    index: OutputArtifact[standard_artifacts.Model],
) -> None:
    """Embeds the catalogue and builds the index.

    Args:
      model: The retrieval model.
      items: The entities.
      sequences: Rows of the users, whose queries measure recall.
      config: IndexConfig as JSON.
      index: Output.
    """
    index_catalogue(from_json(IndexConfig, config), model, items, sequences, fitted_parts(sequences), index)
