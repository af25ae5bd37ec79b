"""The two components that bring interactions and the catalogue into the pipeline."""

from __future__ import annotations

import typing
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, channel_utils, component_spec, standard_artifacts

from components.ingestion import executor
from components.ingestion.config import DataConfig

ChannelParameter = component_spec.ChannelParameter
ExecutionParameter = component_spec.ExecutionParameter

OVERRIDES = {
    name: ExecutionParameter(type=typing.get_type_hints(DataConfig)[key], optional=True)
    for name, key in executor.OVERRIDES.items()
}
"""Properties of every component that opens the source: values of a run in place of keys of `config`."""


class MoviesExampleGenSpec(component_spec.ComponentSpec):
    """No inputs; the whole catalogue as Examples of one split."""

    PARAMETERS = {
        **OVERRIDES,
        executor.CONFIG: ExecutionParameter(type=str),
        executor.FINGERPRINT: ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {executor.EXAMPLES: ChannelParameter(type=standard_artifacts.Examples)}


class MoviesExampleGen(base_component.BaseComponent):
    """Writes the catalogue, completed by the movies that only the ratings name.

    Output `examples`, split `all`: one tf.Example a movie; a movie's position is its catalogue row.
    """

    SPEC_CLASS = MoviesExampleGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.MoviesExampleGenExecutor)

    def __init__(self, *, config: str, fingerprint: str, **overrides: Any) -> None:
        """Wires the component.

        Args:
          config: A DataConfig as JSON.
          fingerprint: `open_source(config).fingerprint()`; changed data never answer from the cache.
          overrides: Values of a run (executor.OVERRIDES) in place of keys of `config`.
        """
        super().__init__(
            MoviesExampleGenSpec(config=config, fingerprint=fingerprint, examples=_examples(), **overrides)
        )


class RatingsExampleGenSpec(component_spec.ComponentSpec):
    """The catalogue in; interactions and user sequences out."""

    PARAMETERS = {
        **OVERRIDES,
        executor.CONFIG: ExecutionParameter(type=str),
        executor.SPLIT: ExecutionParameter(type=str),
        executor.FINGERPRINT: ExecutionParameter(type=str),
    }
    INPUTS = {executor.MOVIES: ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {
        executor.EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        executor.SEQUENCES: ChannelParameter(type=standard_artifacts.Examples),
        executor.PROFILE: ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }


class RatingsExampleGen(base_component.BaseComponent):
    """Writes the interactions, split, and each user's training rows in order.

    Output `examples`, splits train, eval and test: one tf.Example an interaction. Output `sequences`,
    split `train`: one tf.Example a user; with `refit` in the split's settings also split
    `train_and_eval`, the training and eval rows of each user in order. No test row is in either. Output
    `profile`: `profile.json`, exact counts of all rows (profile.py), for the report.
    """

    SPEC_CLASS = RatingsExampleGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.RatingsExampleGenExecutor)

    def __init__(self, *, movies: BaseChannel, config: str, split: str, fingerprint: str, **overrides: Any) -> None:
        """Wires the component.

        Args:
          movies: The catalogue, output `examples` of MoviesExampleGen.
          config: A DataConfig as JSON.
          split: A SplitConfig as JSON.
          fingerprint: `open_source(config).fingerprint()`; changed data never answer from the cache.
          overrides: Values of a run (executor.OVERRIDES) in place of keys of `config`.
        """
        super().__init__(
            RatingsExampleGenSpec(
                movies=movies,
                config=config,
                split=split,
                fingerprint=fingerprint,
                examples=_examples(),
                sequences=_examples(),
                profile=channel_utils.as_channel([standard_artifacts.ExampleStatistics()]),
                **overrides,
            )
        )


def _examples() -> BaseChannel:
    return channel_utils.as_channel([standard_artifacts.Examples()])
