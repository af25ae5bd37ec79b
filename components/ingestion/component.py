"""The component that brings interactions, users and items into the pipeline."""

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
"""Properties that a run may give in place of keys of `config`."""


class InteractionExampleGenSpec(component_spec.ComponentSpec):
    """No inputs; entities, held-out interactions, sequences and their profile out."""

    PARAMETERS = {
        **OVERRIDES,
        executor.CONFIG: ExecutionParameter(type=str),
        executor.SPLIT: ExecutionParameter(type=str),
        executor.FEATURES: ExecutionParameter(type=str),
        executor.REFIT: ExecutionParameter(type=int),
        executor.LEAVE_OUT_SEEN: ExecutionParameter(type=str),
        executor.FINGERPRINT: ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {
        executor.ENTITIES: ChannelParameter(type=standard_artifacts.Examples),
        executor.EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        executor.SEQUENCES: ChannelParameter(type=standard_artifacts.Examples),
        executor.PROFILE: ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }


class InteractionExampleGen(base_component.BaseComponent):
    """Reads a source once and writes what everybody after it reads.

    Output `entities`: split `items`, the catalogue (a position is a catalogue row), and split `users`; one tf.Example
    each, with the number of its rows. Output `sequences`, split `all`: one tf.Example a user with every interaction in
    order and the part that it is in; who reads it must say which parts are meant. Output `examples`, splits eval and
    test: one tf.Example a held-out interaction, with what was known of the user before. Output `profile`:
    `profile.json`, exact counts of all rows (profile.py), for the report.
    """

    SPEC_CLASS = InteractionExampleGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        *,
        config: str,
        split: str,
        features: str,
        refit: bool,
        leave_out_seen: str,
        fingerprint: str,
        **overrides: Any,
    ) -> None:
        """Wires the component.

        Args:
          config: A DataConfig as JSON.
          split: A SplitConfig as JSON.
          features: A FeaturesConfig as JSON.
          refit: Whether the judged models learn from train and eval.
          leave_out_seen: `bundle.leave_out_seen`.
          fingerprint: `open_source(config).fingerprint()`; changed data never answer from the cache.
          overrides: Values of a run (executor.OVERRIDES) in place of keys of `config`.
        """
        super().__init__(
            InteractionExampleGenSpec(
                config=config,
                split=split,
                features=features,
                refit=int(refit),
                leave_out_seen=leave_out_seen,
                fingerprint=fingerprint,
                entities=_examples(),
                examples=_examples(),
                sequences=_examples(),
                profile=channel_utils.as_channel([standard_artifacts.ExampleStatistics()]),
                **overrides,
            )
        )


def _examples() -> BaseChannel:
    return channel_utils.as_channel([standard_artifacts.Examples()])
