"""RecommenderBundler: the one SavedModel that is judged, pushed and served."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.bundle import executor
from components.validation import kept_statistics


class RecommenderBundlerSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of the RecommenderBundler."""

    PARAMETERS = {
        executor.CONFIG_KEY: component_spec.ExecutionParameter(type=str),
        executor.BEFORE_TEST_KEY: component_spec.ExecutionParameter(type=int),
        executor.JUDGED_K_KEY: component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        executor.RETRIEVAL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        executor.INDEX_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        executor.RANKING_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        executor.ITEMS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        executor.SEQUENCES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        **{
            key: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True)
            for key in kept_statistics.INPUTS.values()
        },
    }
    OUTPUTS = {executor.BUNDLE_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model)}


class RecommenderBundler(base_component.BaseComponent):  # type: ignore[misc]
    """Puts retrieval, index, ranking, catalogue and known users into one SavedModel.

    Args:
      retrieval: The retrieval model.
      index: The candidate index.
      ranking: The ranking model; None for data without ratings.
      items: The entities, whose split `items` is the catalogue.
      sequences: Every row of every user.
      entities_statistics: Of the entities, kept so that later data can be compared with them; None: none are.
      sequences_statistics: Likewise, of the sequences.
      config: BundleConfig as JSON.
      before_test: Whether the served signatures know only what came before the test rows.
      judged_k: Length of the judged list; a tenth of the items with training rows where that is shorter.
    """

    SPEC_CLASS = RecommenderBundlerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        retrieval: types.Channel,
        index: types.Channel,
        ranking: types.Channel | None,
        items: types.Channel,
        sequences: types.Channel,
        config: str,
        before_test: bool,
        judged_k: int,
        entities_statistics: types.Channel | None = None,
        sequences_statistics: types.Channel | None = None,
    ) -> None:
        super().__init__(
            spec=RecommenderBundlerSpec(
                retrieval=retrieval,
                index=index,
                ranking=ranking,
                items=items,
                sequences=sequences,
                entities_statistics=entities_statistics,
                sequences_statistics=sequences_statistics,
                config=config,
                before_test=int(before_test),
                judged_k=judged_k,
                model=types.Channel(type=standard_artifacts.Model),
            )
        )
