"""What both ways to a server, REST and gRPC, have in common."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from serving.client.answers import ModelMetadata, ModelToServe, VersionStatus
from serving.errors import DeadlineExceededError, InvalidRequestError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Which model a client asks, and which version of it.

    Attributes:
      model: Its name on the server.
      version: This one; None = the newest.
      label: The version that carries this label.
    """

    model: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("`model` should be the name of a model on the server. Received an empty one")
        if self.version is not None and self.label is not None:
            raise ValueError(
                f"`version` and `label` should not be given together. Received: {self.version}, {self.label}"
            )
        if self.version is not None and self.version < 0:
            raise ValueError(f"`version` should be 0 or more. Received: {self.version}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """One call of a signature.

    Attributes:
      signature: Its name.
      inputs: Values by name: nested lists of str, bytes, bool, int or float.
      dtypes: TensorFlow's dtype of each input.
      outputs: Names of all outputs of the signature.
      request_id: By which events and logs name the question; "" = the server makes one.
    """

    signature: str
    inputs: Mapping[str, Any]
    dtypes: Mapping[str, str]
    outputs: Sequence[str]
    request_id: str = ""


class Deadline:
    """The moment after which a call is given up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left.

        Raises:
          DeadlineExceededError: None are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> DeadlineExceededError:
        """The error to raise when it has passed."""
        return DeadlineExceededError(f"no answer within {self._seconds:g} s")


class Channel(Protocol):
    """A way to a server; every method is one attempt and raises an error of serving/errors.py."""

    def predict(self, question: Question, deadline: Deadline) -> dict[str, Any]:
        """All outputs by name, as nested lists; strings as str, outputs named `*_bytes` as bytes."""

    def status(self, deadline: Deadline) -> list[VersionStatus]:
        """The versions that the server knows of, newest first."""

    def metadata(self, deadline: Deadline) -> ModelMetadata:
        """Signatures of the version that answers."""

    def catalogue(self, deadline: Deadline) -> dict[str, Any]:
        """Items and some user ids; empty where the server offers none."""

    def events(self, action: str, user: str, events: Sequence[Mapping[str, Any]], deadline: Deadline) -> dict[str, Any]:
        """What the server answers to a request about events (serving/events/api.py), as over REST."""

    def reload(self, models: Sequence[ModelToServe], deadline: Deadline) -> None:
        """Makes the server serve these models and no others."""

    def close(self) -> None:
        """Gives the connections back."""


def as_bytes(text: str) -> bytes:
    """UTF-8; bytes that Python took into a string by `surrogateescape` (arguments of a command) come back as they were.

    Raises:
      InvalidRequestError: A surrogate that stands for no byte.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidRequestError(f"a string cannot be written as UTF-8: {text!r}") from error


def as_values(name: str, values: Any) -> Any:
    """A string output as people read it: bytes stay bytes where the name says so (TF Serving's suffix `_bytes`)."""
    if isinstance(values, list):
        return [as_values(name, value) for value in values]
    if isinstance(values, bytes) and not name.endswith("_bytes"):
        return values.decode("utf-8", "replace")
    return values
