"""ServedModel: the version that is being served, as the baseline of the evaluation."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, component_spec, standard_artifacts

from components.push.served_model import driver, executor


class ServedModelSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """What goes in and out of ServedModel."""

    PARAMETERS = {executor.PUSH_DIRECTORY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {executor.BUNDLE: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True)}
    OUTPUTS = {executor.MODEL: component_spec.ChannelParameter(type=standard_artifacts.Model)}


class ServedModel(base_component.BaseComponent):  # type: ignore[misc]
    """Copies the newest version at the push destination, as it was judged, that is not the new bundle itself.

    Output `model`: the copy, or an artifact whose property `absent` is 1 where there is none.

    Args:
      model: The new bundle; None: there is none yet.
      push_directory: The push destination.
    """

    SPEC_CLASS = ServedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(self, push_directory: str, model: Any | None = None) -> None:
        served = channel.Channel(type=standard_artifacts.Model)
        super().__init__(spec=ServedModelSpec(bundle=model, push_directory=push_directory, model=served))
