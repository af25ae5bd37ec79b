"""BatchScorer: recommendations for every known user, with the version that was pushed."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.batch_scoring import executor


class BatchScorerSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of the BatchScorer."""

    PARAMETERS = {executor.CONFIG_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {executor.PUSHED_MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.PushedModel)}
    OUTPUTS = {executor.SCORES_KEY: component_spec.ChannelParameter(type=standard_artifacts.InferenceResult)}


class BatchScorer(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """Scores every user whom the pushed bundle knows; does nothing where nothing was pushed.

    Its cache follows the push: an unchanged run finds the scores of the version that it pushed before.

    Args:
      pushed_model: What the Pusher did.
      config: BatchScoresConfig as JSON.
    """

    SPEC_CLASS = BatchScorerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, pushed_model: types.Channel, config: str) -> None:
        super().__init__(
            spec=BatchScorerSpec(
                pushed_model=pushed_model,
                config=config,
                scores=types.Channel(type=standard_artifacts.InferenceResult),
            )
        )
