"""The Evaluator: judges exactly what will be served, against simple peers and the served version."""

from __future__ import annotations

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts, standard_component_specs

from components.evaluation import executor

_Parameter = component_spec.ExecutionParameter


class RecommenderEvaluatorSpec(standard_component_specs.EvaluatorSpec):  # type: ignore[misc]
    """TFX Evaluator's inputs and outputs; the EvalConfig is made of these when the bundles exist."""

    PARAMETERS = {
        executor.CONFIG: _Parameter(type=str),
        executor.HAS_RATINGS: _Parameter(type=int),
        executor.HAS_NEW_USERS: _Parameter(type=int),
    }


class RecommenderEvaluator(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """TFX's Evaluator on the test rows, with a baseline that may be absent.

    Outputs: `evaluation` (TFMA's files and `gates.json`) and `blessing`.

    Args:
      examples: Examples with a split `test`, the marked rows with the lists of PeerLists.
      model: The bundle.
      config: An EvaluationConfig as JSON.
      has_ratings: Whether the rows have ratings.
      has_new_users: Whether some users were kept out of training (split.new_users).
      baseline_model: What is served, from ServedModel; may be marked absent.
    """

    SPEC_CLASS = RecommenderEvaluatorSpec
    # A Beam executor spec, or the executor gets no Beam arguments.
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        model: BaseChannel,
        config: str,
        has_ratings: bool,
        has_new_users: bool = False,
        baseline_model: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            RecommenderEvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                config=config,
                has_ratings=int(has_ratings),
                has_new_users=int(has_new_users),
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
