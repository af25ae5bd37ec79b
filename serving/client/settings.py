"""How a client waits, repeats and proves who it is."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator
from pathlib import Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long a client waits.

    Attributes:
      connect_seconds: For a connection, of each attempt.
      total_seconds: For the answer, all attempts and the pauses between them included.
    """

    connect_seconds: float = 5.0
    total_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("connect_seconds", "total_seconds"):
            _check_seconds(f"Timeouts.{name}", getattr(self, name))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Retries:
    """How often a question is repeated that had no answer or was told to come again.

    Only questions that may be asked twice are: predictions, status and metadata, never a change of the
    server's configuration. Repeated are failures to connect, broken connections, UNAVAILABLE (503) and
    RESOURCE_EXHAUSTED (429). A server that says when to ask again (`Retry-After`, `grpc-retry-pushback-ms`) is
    given that time before the pause; a question that it will never take, because it is too large, is not repeated.

    Attributes:
      attempts: Tries in all; 1 = never repeat.
      first_pause_seconds: Before the second try; each further pause is twice as long.
      longest_pause_seconds: No pause is longer.
    """

    attempts: int = 4
    first_pause_seconds: float = 0.1
    longest_pause_seconds: float = 5.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"`Retries.attempts` should be 1 or more. Received: {self.attempts}")
        for name in ("first_pause_seconds", "longest_pause_seconds"):
            _check_seconds(f"Retries.{name}", getattr(self, name))

    def pauses(self) -> Iterator[float]:
        """Seconds before each repetition, each drawn between half of it and the whole.

        Clients that were all turned away at once do not come back all at once.
        """
        for repetition in range(self.attempts - 1):
            longest = min(self.first_pause_seconds * 2.0**repetition, self.longest_pause_seconds)
            yield longest * random.uniform(0.5, 1.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tls:
    """Whom a client trusts, and how it shows who it is.

    Attributes:
      ca_file: PEM file of the certificates that are trusted; None = those of the system.
      certificate_file: PEM file of the client's own certificate, where the server asks for one.
      key_file: PEM file of its private key.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("`Tls.certificate_file` and `Tls.key_file` should be given together")
        for name in ("ca_file", "certificate_file", "key_file"):
            path = getattr(self, name)
            if path is not None and not Path(path).is_file():
                raise ValueError(f"`Tls.{name}` should be a PEM file. Received: {path}, which is no file")


def _check_seconds(name: str, seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"`{name}` should be above 0. Received: {seconds}")


NO_RETRIES = Retries(attempts=1)
