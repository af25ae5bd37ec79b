"""What events can be asked for, over REST and gRPC alike.

| REST | gRPC | what |
|---|---|---|
| `POST /v1/events` | AddEvents | keeps events, all of a request or none |
| `GET /v1/users/USER/events` | UserEvents | the events of a user that are kept, oldest first |
| `DELETE /v1/users/USER/events` | EraseEvents | forgets them |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from serving.errors import InvalidRequestError, NotFoundError
from serving.events.actions import ADD, ERASE, LIST
from serving.events.desk import EventDesk
from serving.events.event import Event
from serving.rest.json_values import dumps

EVERYTHING = 1 << 40
"""More events than anybody has."""

_USER = re.compile(rb"/v1/users/([^/]+)/events")
_OF_METHOD = {"GET": LIST, "DELETE": ERASE}


def action_of(method: str, raw_path: bytes) -> tuple[str, str] | None:
    """What a request to events asks for, and of whom; None where it is none.

    Raises:
      InvalidRequestError: The user's id is not UTF-8, or the method is not served.
    """
    if raw_path == b"/v1/events":
        if method != "POST":
            raise InvalidRequestError(f"{method} /v1/events is not served. Expected: POST")
        return ADD, ""
    found = _USER.fullmatch(raw_path)
    if found is None:
        return None
    if method not in _OF_METHOD:
        raise InvalidRequestError(f"{method} is not served for a user's events. Expected: GET or DELETE")
    try:
        return _OF_METHOD[method], unquote_to_bytes(found[1]).decode()
    except UnicodeDecodeError:
        raise InvalidRequestError("The user's id in the address is not UTF-8") from None


class EventsApi:
    """Answers requests to events.

    Args:
      desk: Where they are kept; None = nowhere.
    """

    def __init__(self, desk: EventDesk | None) -> None:
        self._desk = desk

    async def rest(self, action: str, user: str, events: Sequence[Event]) -> bytes:
        """The answer to a request over REST, of a user or with these events.

        Raises:
          StatusError: It is refused.
        """
        if action == ADD:
            stored, repeated = await self.add(events)
            return dumps({"stored": stored, "repeated": repeated})
        if action == LIST:
            return dumps({"events": [event._asdict() for event in await self.listed(user)]})
        return dumps({"erased": await self.erase(user)})

    async def add(self, events: Sequence[Event]) -> tuple[int, int]:
        """Keeps events: how many were new, and how many were known."""
        return await self._found().add(events)

    async def listed(self, user: str) -> list[Event]:
        """All that is kept of a user."""
        desk = self._found()
        (events,) = await desk.run(desk.store.latest, [_checked(user)], EVERYTHING)
        return list(events)

    async def erase(self, user: str) -> int:
        """Forgets a user: how many events there were."""
        desk = self._found()
        return int(await desk.run(desk.store.erase, _checked(user)))

    def _found(self) -> EventDesk:
        if self._desk is None:
            raise NotFoundError("This server keeps no events: start it with --event-store URL")
        return self._desk


def _checked(user: str) -> str:
    if not user or "\0" in user:
        raise InvalidRequestError("a user's id is a text that is not empty and without NUL")
    return user


def event_of_message(message: Any) -> dict[str, Any]:
    """Fields of an event from a message of events.proto, for `read_event`."""
    fields = {name: getattr(message, name) or None for name in ("event", "id", "request_id")}
    fields |= {name: getattr(message, name) if message.HasField(name) else None for name in ("timestamp", "rating")}
    return {"user": message.user, "item": message.item, **fields}
