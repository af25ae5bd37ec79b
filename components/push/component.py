"""The Pusher: a blessed bundle becomes the next version at the push destination."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter

from components.push import driver, executor


class AtomicPusherSpec(standard_component_specs.PusherSpec):
    """TFX Pusher's, and the bundle that was judged."""

    INPUTS = {
        **standard_component_specs.PusherSpec.INPUTS,
        executor.JUDGED: ChannelParameter(type=standard_artifacts.Model),
    }


class AtomicPusher(base_component.BaseComponent):
    """TFX's Pusher, whose version folders are complete or absent.

    Output `pushed_model`: its properties say whether, where and as which version the bundle was
    pushed; the files lie at the destination only.

    Args:
      model: The bundle that is pushed.
      judged: The bundle that was judged, the same or the one whose successor `model` is.
      model_blessing: The Evaluator's blessing.
      push_directory: Where versions lie: a folder, a mounted volume or `gs://…`.
    """

    SPEC_CLASS = AtomicPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(self, model: Any, judged: Any, model_blessing: Any, push_directory: str) -> None:
        destination = pusher_pb2.PushDestination.Filesystem(base_directory=push_directory)
        super().__init__(
            AtomicPusherSpec(
                model=model,
                judged=judged,
                model_blessing=model_blessing,
                push_destination=pusher_pb2.PushDestination(filesystem=destination),
                pushed_model=as_channel([standard_artifacts.PushedModel()]),
            )
        )
