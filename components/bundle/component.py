"""RecommenderBundler: the one SavedModel that is judged, pushed and served."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.bundle import executor
from components.bundle.config import BundleConfig
from components.example_artifacts import fitted_parts
from components.settings import from_json

# No `from __future__ import annotations`: TFX reads the types themselves.


@component
def RecommenderBundler(
    retrieval: InputArtifact[standard_artifacts.Model],
    index: InputArtifact[standard_artifacts.Model],
    items: InputArtifact[standard_artifacts.Examples],
    sequences: InputArtifact[standard_artifacts.Examples],
    config: Parameter[str],
    before_test: Parameter[int],
    judged_k: Parameter[int],
    model: OutputArtifact[standard_artifacts.Model],
    ranking: InputArtifact[standard_artifacts.Model] = None,
    entities_statistics: InputArtifact[standard_artifacts.ExampleStatistics] = None,
    sequences_statistics: InputArtifact[standard_artifacts.ExampleStatistics] = None,
) -> None:
    """Puts retrieval, index, ranking, catalogue and known users into one SavedModel.

    Args:
      retrieval: The retrieval model.
      index: The candidate index.
      items: The entities, whose split `items` is the catalogue.
      sequences: Every row of every user.
      config: BundleConfig as JSON.
      before_test: 1: the served signatures know only what came before the test rows; 0: everything.
      judged_k: Length of the judged list; a tenth of the items with training rows where that is shorter.
      model: Output.
      ranking: The rating model; None for data without ratings.
      entities_statistics: Of the entities, kept so that later data can be compared with them; None: none are.
      sequences_statistics: Likewise, of the sequences.
    """
    inputs = executor.Inputs(
        retrieval=retrieval,
        index=index,
        ranking=ranking,
        items=items,
        sequences=sequences,
        statistics={"entities_statistics": entities_statistics, "sequences_statistics": sequences_statistics},
    )
    settings, parts = from_json(BundleConfig, config), fitted_parts(sequences)
    executor.bundle(settings, inputs, parts, model, before_test=bool(before_test), judged_k=judged_k)
