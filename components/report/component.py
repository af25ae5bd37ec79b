"""RunReport: what a person reads of a run."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.report import executor


class RunReportSpec(ComponentSpec):  # type: ignore[misc]
    """What the stages left in; the page out."""

    PARAMETERS = {executor.CONFIG: ExecutionParameter(type=str)}
    INPUTS = {
        executor.PROFILE: ChannelParameter(type=standard_artifacts.ExampleStatistics),
        executor.GATE: ChannelParameter(type=standard_artifacts.String),
        executor.RETRIEVAL_RUN: ChannelParameter(type=standard_artifacts.ModelRun),
        executor.RANKING_RUN: ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
        executor.INDEX: ChannelParameter(type=standard_artifacts.Model),
        executor.BUNDLE: ChannelParameter(type=standard_artifacts.Model),
        executor.EMBEDDINGS: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        executor.EVALUATION: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        executor.BLESSING: ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    OUTPUTS = {executor.REPORT: ChannelParameter(type=standard_artifacts.ModelEvaluation)}


class RunReport(base_component.BaseComponent):  # type: ignore[misc]
    """Puts a run's artifacts into one HTML page that opens from disk.

    It looks at the blessing and does not ask for it: a bundle that is refused is reported like any other.
    Nothing of it depends on the push, so that an unchanged run finds the page in the cache.

    Output `report`: `report.html`, and `report.json` with everything that the page shows.

    Args:
      profile: What ExampleGen counted.
      gate: What DataGate says.
      retrieval_run: The RetrievalTrainer's log.
      ranking_run: The RankingTrainer's log; None for data without ratings.
      index: The index, for its report.
      model: The bundle.
      embeddings: The map of the items and the genres.
      evaluation: The Evaluator's figures.
      blessing: Its verdict.
      config: A ReportConfig as JSON.
    """

    SPEC_CLASS = RunReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        *,
        profile: BaseChannel,
        gate: BaseChannel,
        retrieval_run: BaseChannel,
        index: BaseChannel,
        model: BaseChannel,
        embeddings: BaseChannel,
        evaluation: BaseChannel,
        blessing: BaseChannel,
        config: str,
        ranking_run: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            RunReportSpec(
                profile=profile,
                gate=gate,
                retrieval_run=retrieval_run,
                ranking_run=ranking_run,
                index=index,
                model=model,
                embeddings=embeddings,
                evaluation=evaluation,
                blessing=blessing,
                config=config,
                report=Channel(type=standard_artifacts.ModelEvaluation),
            )
        )
