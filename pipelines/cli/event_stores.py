"""The store of events that a command reads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.errors import InputError

if TYPE_CHECKING:
    from serving.events.store import EventStore

URL_HELP = "Address of the event store, as for `recommender serve --event-store`."


@contextlib.contextmanager
def opened(url: str) -> Iterator[EventStore]:
    """The store, closed at the end of the block.

    Raises:
      InputError: It cannot be opened, or fails within the block.
    """
    from serving.errors import ServingError
    from serving.events.store import open_store

    try:
        with contextlib.closing(open_store(url)) as store:
            yield store
    except ServingError as error:
        raise InputError(str(error)) from error
