"""A stage of `two_branches`."""

import os
import signal
import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model

from components import progress
from components.errors import InputError


@component
def Branch(  # noqa: N802
    model: OutputArtifact[Model],
    meeting: Parameter[str],
    name: Parameter[str],
    other: Parameter[str],
    order: Parameter[str],
) -> None:
    """Waits until the other branch is there; the first one then does as it is told."""
    Path(model.uri, "pid").write_text(str(os.getpid()))
    Path(meeting, name).touch()
    while not Path(meeting, other).exists():
        time.sleep(0.01)
    if order == "refuse":
        raise InputError("the ratings are empty", expected="rows")
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "wait":
        Path(meeting, "waiting").write_text(str(os.getpid()))
        time.sleep(600)
    progress.warn("%s has met %s", name, other)
    model.set_string_custom_property("met", other)
