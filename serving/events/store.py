"""Stores of events: one small interface, and which store a URL names."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from serving.errors import InvalidRequestError, ServingError
from serving.events.event import Event
from serving.missing_extra import needs_extra

EXAMPLES = "sqlite:///events.db, postgresql://user@host/database or redis://host:6379/0"


class StoreError(ServingError):
    """The store cannot be reached, or cannot do what it is asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is kept.

    Attributes:
      days: Events older than that are dropped.
      per_user: Newest events of one user that are kept.
    """

    days: float = 90.0
    per_user: int = 1000

    @property
    def seconds(self) -> float:
        """The age in seconds."""
        return self.days * 86_400


class EventStore(Protocol):
    """Keeps events. Methods may be called from several threads and raise StoreError.

    An event is there for every reader once `add` has returned. Orders are by timestamp, and by arrival among equals.
    """

    def add(self, events: Sequence[Event]) -> list[bool]:
        """Keeps all of them or none; says of each whether it was new, and not one whose id was known."""

    def latest(self, users: Sequence[str], most: int, kinds: Collection[str] = ()) -> list[list[Event]]:
        """The newest events of each user, oldest first.

        Args:
          users: Whose.
          most: Of each user.
          kinds: Kinds of events that are meant; none = all.
        """

    def erase(self, user: str) -> int:
        """Forgets a user; says how many events there were."""

    def between(self, begin: float, end: float) -> Iterator[Event]:
        """Events with `begin <= timestamp < end` (seconds since 1970), oldest first."""

    def trim(self, now: float) -> int:
        """Drops what the bounds do not keep; says how many events."""

    def check(self) -> list[str]:
        """Asks whether it is there; says what an operator should know of it."""

    def close(self) -> None:
        """Gives the connections back."""


def open_store(url: str, bounds: Bounds = Bounds()) -> EventStore:
    """The store that a URL names; a database that is there gets its table.

    Args:
      url: `sqlite:///FILE` (four slashes for an absolute path), `postgresql://…` or `redis://…`, `rediss://…`.
      bounds: What is kept.

    Raises:
      InvalidRequestError: The URL names none.
      StoreError: The store cannot be reached.
      MissingExtraError: Its client is not installed.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("sqlite", "postgresql", "postgres"):
        with needs_extra("An event store in a database", "events"):
            from serving.events.sql_store import SqlStore

            return SqlStore(url, bounds)
    if scheme in ("redis", "rediss"):
        with needs_extra("An event store in Redis", "events"):
            from serving.events.redis_store import RedisStore

            return RedisStore(url, bounds)
    raise InvalidRequestError(f"the event store should be {EXAMPLES}. Received: {shown_url(url)}")


def shown_url(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    return url if not parts.password else url.replace(f":{parts.password}@", ":…@", 1)
