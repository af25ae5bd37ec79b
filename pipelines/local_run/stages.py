"""What a runner tells of a pipeline's stages: results to read, lines to show, and the failure of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

Property = int | float | str


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputArtifact:
    """An artifact that a stage has written, in this run or in the one whose result was reused.

    Attributes:
      uri: Its folder.
      properties: Its properties and custom properties.
    """

    uri: str
    properties: Mapping[str, Property]

    @property
    def path(self) -> Path:
        return Path(self.uri)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageResult:
    """A stage that has ended well.

    Attributes:
      id: Id of the component.
      seconds: Wall-clock time.
      cached: Whether the result of an earlier run was reused.
      outputs: First artifact of each output key.
    """

    id: str
    seconds: float
    cached: bool
    outputs: Mapping[str, OutputArtifact]


class StageFailedError(Exception):
    """A stage has ended with an error, which is the `__cause__`.

    Attributes:
      stage: Id of the component.
      seconds: How long it had run.
    """

    def __init__(self, stage: str, seconds: float) -> None:
        super().__init__(f"{stage} failed")
        self.stage = stage
        self.seconds = seconds


class StageView(Protocol):
    """Shows a run while it happens."""

    def begin(self, stages: Sequence[str]) -> None:
        """The run has these stages, in this order."""

    def started(self, stage: str) -> None:
        """The stage has started."""

    def finished(self, result: StageResult) -> None:
        """The stage that was started has ended well."""

    def failed(self, stage: str, seconds: float, how: str) -> None:
        """The stage that was started has not ended well; `how` is `failed` or `interrupted`."""
