"""The Pusher: a blessed bundle becomes the next version at the push destination."""

from __future__ import annotations

from typing import Any

from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2

from components.push import driver, executor


class AtomicPusher(Pusher):  # type: ignore[misc]
    """TFX's Pusher, whose version folders are complete or absent.

    Output `pushed_model`: its properties say whether, where and as which version the bundle was
    pushed; the files lie at the destination only.

    Args:
      model: The bundle.
      model_blessing: The Evaluator's blessing.
      push_directory: Where versions lie: a folder, a mounted volume or `gs://…`.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(self, model: Any, model_blessing: Any, push_directory: str) -> None:
        destination = pusher_pb2.PushDestination.Filesystem(base_directory=push_directory)
        super().__init__(
            model=model,
            model_blessing=model_blessing,
            push_destination=pusher_pb2.PushDestination(filesystem=destination),
        )
