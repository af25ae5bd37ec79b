"""FinalFit: the judged models' successors, trained on every row, as one bundle."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.bundle.config import BundleConfig
from components.final_fit.executor import FinalFitting, is_blessed
from components.index.config import IndexConfig
from components.settings import from_json

# No `from __future__ import annotations`: TFX reads the types themselves.


@component
def FinalFit(
    blessing: InputArtifact[standard_artifacts.ModelBlessing],
    judged: InputArtifact[standard_artifacts.Model],
    retrieval_run: InputArtifact[standard_artifacts.ModelRun],
    transform_graph: InputArtifact[standard_artifacts.TransformGraph],
    entities: InputArtifact[standard_artifacts.Examples],
    sequences: InputArtifact[standard_artifacts.Examples],
    index: Parameter[str],
    bundle: Parameter[str],
    strategy: Parameter[str],
    judged_k: Parameter[int],
    model: OutputArtifact[standard_artifacts.Model],
    model_run: OutputArtifact[standard_artifacts.ModelRun],
    ranking_run: InputArtifact[standard_artifacts.ModelRun] = None,
) -> None:
    """Trains the blessed models anew on every row, for as many epochs as the eval rows chose, and bundles them.

    Where nothing was blessed the output is marked absent. The bundle is checked before it may be pushed: its numbers
    are finite, its index finds what exact search finds, and its lists are nearer to those of the judged bundle than
    the lists of popularity are.

    Args:
      blessing: The Evaluator's.
      judged: The bundle that was judged.
      retrieval_run: Where the judged retrieval model left its settings and its number of epochs.
      transform_graph: What Transform made.
      entities: Items and users.
      sequences: Every row of every user.
      index: IndexConfig as JSON.
      bundle: BundleConfig as JSON.
      strategy: `TrainingConfig.strategy`.
      judged_k: Length of the judged list.
      model: Output: the bundle.
      model_run: Output: the epochs of both trainings and `final.json`, what the check found.
      ranking_run: As `retrieval_run`, of the rating model; None for data without ratings.
    """
    if not is_blessed(blessing, model):
        return
    FinalFitting(
        judged=judged,
        transform_graph=transform_graph,
        entities=entities,
        sequences=sequences,
        index=from_json(IndexConfig, index),
        bundle=from_json(BundleConfig, bundle),
        strategy=strategy,
        judged_k=judged_k,
        model_run=model_run,
    ).fit(retrieval_run, ranking_run, model)
