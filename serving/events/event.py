"""One event: somebody did something with an item."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from serving.errors import InvalidRequestError
from serving.rest.json_values import parse, shown

MOST_EVENTS = 1000
"""Most events of one request."""
MOST_BYTES = 512
"""Most bytes of each text of an event."""
FUTURE_SECONDS = 86_400.0
"""How far a client's clock may be ahead."""
VIEW = "view"

FIELDS = ("user", "item", "event", "timestamp", "rating", "id", "request_id")
_TEXTS = ("user", "item", "event", "id", "request_id")


class Event(NamedTuple):
    """One event.

    Attributes:
      user: Whose.
      item: With which item.
      event: What was done, such as view or purchase.
      timestamp: When, in seconds since 1970 (UTC).
      rating: Stars that were given; None = none.
      id: Two events of one id are one event.
      request_id: Of the answer that showed the item (`X-Request-ID`); "" = none is told.
    """

    user: str
    item: str
    event: str
    timestamp: float
    rating: float | None
    id: str
    request_id: str


def read_events(body: bytes) -> list[Event]:
    """The events of a request's body, `{"events": [{"user": …, "item": …}, …]}`; see `events_of`.

    Raises:
      InvalidRequestError: It is no such document, or one of its events cannot be taken.
    """
    document = parse(body)
    if not isinstance(document, dict) or document.keys() != {"events"} or not isinstance(document["events"], list):
        raise InvalidRequestError(
            f'Expected {{"events": [{{"user": "42", "item": "260", "event": "view"}}, …]}}. Received: {shown(document)}'
        )
    return events_of(document["events"])


def events_of(listed: Sequence[Any]) -> list[Event]:
    """Events from what a client sends; all of them or none.

    Raises:
      InvalidRequestError: There is none, there are too many, or one cannot be taken; says which one and why.
    """
    if not 0 < len(listed) <= MOST_EVENTS:
        raise InvalidRequestError(f"The request has {len(listed)} events, and this server takes 1 to {MOST_EVENTS}")
    now = time.time()
    return [read_event(one, f"events[{number}]", now) for number, one in enumerate(listed)]


def read_event(fields: Any, place: str, now: float) -> Event:
    """One event from what a client sends.

    Args:
      fields: By name; all but `user` and `item` may be missing or None.
      place: Where it stands, for the message.
      now: The time that an event without a timestamp has, in seconds since 1970.

    Raises:
      InvalidRequestError: A field is missing, unknown, or cannot be.
    """
    if not isinstance(fields, Mapping):
        raise InvalidRequestError(f"{place}: expected an object. Received: {shown(fields)}")
    for name in fields:
        if name not in FIELDS:
            raise InvalidRequestError(f"{place}: unknown field {shown(name)}. Expected: {', '.join(FIELDS)}")
    texts = {name: _text(fields, name, place) for name in _TEXTS}
    timestamp = _number(fields, "timestamp", place)
    if timestamp is None:
        timestamp = now
    elif not 0 <= timestamp <= now + FUTURE_SECONDS:
        raise InvalidRequestError(
            f"{place}.timestamp: expected seconds since 1970, at most a day ahead of now ({now:.0f}). "
            f"Received: {shown(fields['timestamp'])}{' (milliseconds?)' if timestamp > 1e11 else ''}"
        )
    return Event(
        user=texts["user"],
        item=texts["item"],
        event=texts["event"] or VIEW,
        timestamp=timestamp,
        rating=_number(fields, "rating", place),
        id=texts["id"] or uuid.uuid4().hex,
        request_id=texts["request_id"],
    )


def _text(fields: Mapping[str, Any], name: str, place: str) -> str:
    value = fields.get(name)
    is_needed = name in ("user", "item")
    if value is None and not is_needed:
        return ""
    if not isinstance(value, str) or (is_needed and not value):
        raise InvalidRequestError(
            f"{place}.{name}: expected a text{', not empty' if is_needed else ''}. Received: "
            + (shown(value) if name in fields else "nothing")
        )
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidRequestError(f"{place}.{name}: half of a surrogate pair in a text") from None
    if size > MOST_BYTES or "\0" in value:
        raise InvalidRequestError(f"{place}.{name}: expected at most {MOST_BYTES} bytes without NUL")
    return value


def _number(fields: Mapping[str, Any], name: str, place: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidRequestError(f"{place}.{name}: expected a finite number. Received: {shown(value)}")
    return float(value)
