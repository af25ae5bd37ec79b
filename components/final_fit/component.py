"""FinalFit: the judged models' successors, trained on every row, as one bundle."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts

from components.final_fit import executor

_Channel, _Parameter = component_spec.ChannelParameter, component_spec.ExecutionParameter


class FinalFitSpec(component_spec.ComponentSpec):
    """A verdict, what was judged and all data in; a bundle out."""

    PARAMETERS = {
        executor.INDEX: _Parameter(type=str),
        executor.BUNDLE: _Parameter(type=str),
        executor.STRATEGY: _Parameter(type=str),
        executor.JUDGED_K: _Parameter(type=int),
    }
    INPUTS = {
        executor.BLESSING: _Channel(type=standard_artifacts.ModelBlessing),
        executor.JUDGED: _Channel(type=standard_artifacts.Model),
        executor.RETRIEVAL_RUN: _Channel(type=standard_artifacts.ModelRun),
        executor.RANKING_RUN: _Channel(type=standard_artifacts.ModelRun, optional=True),
        executor.TRANSFORM_GRAPH: _Channel(type=standard_artifacts.TransformGraph),
        executor.ENTITIES: _Channel(type=standard_artifacts.Examples),
        executor.SEQUENCES: _Channel(type=standard_artifacts.Examples),
    }
    OUTPUTS = {
        executor.MODEL: _Channel(type=standard_artifacts.Model),
        executor.MODEL_RUN: _Channel(type=standard_artifacts.ModelRun),
    }


class FinalFit(base_component.BaseComponent):
    """Trains the blessed models anew on every row, for as many epochs as the eval rows chose, and bundles them.

    Where nothing was blessed the output is marked absent. The bundle is checked before it may be pushed: its numbers
    are finite, its index finds what exact search finds, and its lists are nearer to those of the judged bundle than
    the lists of popularity are.

    Args:
      blessing: The Evaluator's.
      judged: The bundle that was judged.
      retrieval_run: Where the judged retrieval model left its settings and its number of epochs.
      ranking_run: The same of the ranking model; None for data without ratings.
      transform_graph: What Transform made.
      entities: Items and users.
      sequences: Every row of every user.
      index: IndexConfig as JSON.
      bundle: BundleConfig as JSON.
      strategy: `TrainingConfig.strategy`.
      judged_k: Length of the judged list.

    Outputs: `model`, the bundle; `model_run`, the epochs of both trainings and `final.json`, what the check found.
    """

    SPEC_CLASS = FinalFitSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        *,
        blessing: BaseChannel,
        judged: BaseChannel,
        retrieval_run: BaseChannel,
        ranking_run: BaseChannel | None,
        transform_graph: BaseChannel,
        entities: BaseChannel,
        sequences: BaseChannel,
        index: str,
        bundle: str,
        strategy: str,
        judged_k: int,
    ) -> None:
        super().__init__(
            FinalFitSpec(
                blessing=blessing,
                judged=judged,
                retrieval_run=retrieval_run,
                ranking_run=ranking_run,
                transform_graph=transform_graph,
                entities=entities,
                sequences=sequences,
                index=index,
                bundle=bundle,
                strategy=strategy,
                judged_k=judged_k,
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )
