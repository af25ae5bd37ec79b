"""Questions about a person follow from what the bundle knows and from the person's events: the two are one history.

The merge happens before the model is called: `serving_default`, `recommend` and `explain` of a person with events are
computed as questions with a history, stored rows first, events last. So the bundle and TensorFlow Serving's API stay
what they are; `source` of such an answer is `history`. A history that a request tells itself stands alone.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import math
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving import contract
from serving.calls.batching import Array
from serving.calls.from_loop import AsyncPredictor
from serving.events.desk import EventDesk
from serving.events.event import MOST_BYTES, Event
from serving.models.servable import Computation, Servable

MOST_ITEMS = 1024
"""Most items of a history that is told to the model, where the bundle does not say how many it reads."""
KEPT_ITEMS = 500_000
"""Items of stored histories that are remembered for each version."""
NARROWEST = 16
"""Widths of histories are powers of two from here on, so that questions can be merged in one call."""

History = tuple[list[bytes], list[float]]
"""Items and ratings (NaN = not rated), oldest first."""


class Merging:
    """Makes questions follow from events, too.

    Args:
      desk: Where events are read.
    """

    def __init__(self, desk: EventDesk) -> None:
        self._desk = desk
        self._stored: weakref.WeakKeyDictionary[Servable, _Stored] = weakref.WeakKeyDictionary()

    async def question(
        self, servable: Servable, target: Computation, arrays: list[Array], predictor: AsyncPredictor, deadline: float
    ) -> tuple[Computation, list[Array]]:
        """What to compute in place of a question: with the events of its people, or the question itself.

        Args:
          servable: The version that answers.
          target: What is asked.
          arrays: Its inputs.
          predictor: Asks the version for stored histories.
          deadline: In seconds of time.monotonic.

        Returns:
          What to compute, its outputs those of `target` in the same order, and its inputs.
        """
        place = target.user_input
        if place < 0:
            return target, arrays
        ids = arrays[place].tolist()
        users = list(map(_text, ids))
        asked = users if all(users) else list(filter(None, users))
        found = await self._desk.of(asked) if asked else ()
        if not any(found):
            return target, arrays
        stored = self._stored_of(servable)
        if stored is None:
            return target, arrays
        inputs, events = dict(zip(target.signature.inputs, arrays, strict=True)), dict(zip(asked, found, strict=True))
        rows = [events.get(user, []) for user in users]
        if contract.HISTORY_ITEM_IDS in inputs:
            rows = [
                [] if _is_told(told) else row for told, row in zip(inputs[contract.HISTORY_ITEM_IDS], rows, strict=True)
            ]
        if not any(rows):
            return target, arrays
        known = await stored.of([user for user, row in zip(ids, rows, strict=True) if row], predictor, deadline)
        histories = [stored.merged(known[user], row) if row else None for user, row in zip(ids, rows, strict=True)]
        self._desk.counts.merged += sum(history is not None for history in histories)
        return _with_histories(servable, target, inputs, histories)

    def _stored_of(self, servable: Servable) -> _Stored | None:
        stored = self._stored.get(servable)
        if stored is None:
            wanted = (contract.HISTORY, contract.RECOMMEND, contract.SERVING_DEFAULT)
            if any(name not in servable.signatures for name in wanted):
                return None
            stored = self._stored[servable] = _Stored.of_version(servable)
        return stored


@dataclasses.dataclass(eq=False)
class _Stored:
    """What a version knows of people, asked once.

    Attributes:
      servable: The version, which its cache must not keep alive.
      most: Items of a history that the model reads.
      newest: Time of its newest row, in seconds since 1970.
    """

    servable: weakref.ref[Servable]
    most: int
    newest: float
    histories: collections.OrderedDict[bytes, History] = dataclasses.field(default_factory=collections.OrderedDict)
    items: int = 0

    @classmethod
    def of_version(cls, servable: Servable) -> _Stored:
        """Made by what the bundle says of itself."""
        path = servable.path / contract.EXTRA_ASSETS / contract.BUNDLE_FILE
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        newest = facts.get("newest_row")
        return cls(
            weakref.ref(servable), facts.get("history_length") or MOST_ITEMS, -math.inf if newest is None else newest
        )

    async def of(self, users: Sequence[bytes], predictor: AsyncPredictor, deadline: float) -> dict[bytes, History]:
        """Their histories."""
        found: dict[bytes, History] = {}
        missing: list[bytes] = []
        for user in dict.fromkeys(users):
            known = self.histories.get(user)
            if known is None:
                missing.append(user)
            else:
                self.histories.move_to_end(user)
                found[user] = known
        if missing:
            found.update(await self._asked(missing, predictor, deadline))
        return found

    def merged(self, known: History, events: Sequence[Event]) -> History:
        """A history with its events behind it; those that the bundle was trained on count once."""
        items, ratings = known
        there = set(items)
        new = [event for event in events if event.timestamp > self.newest or event.item.encode() not in there]
        told = [math.nan if event.rating is None else event.rating for event in new]
        return [*items, *(event.item.encode() for event in new)][-self.most :], [*ratings, *told][-self.most :]

    async def _asked(self, users: list[bytes], predictor: AsyncPredictor, deadline: float) -> dict[bytes, History]:
        servable = self.servable()
        assert servable is not None  # who asks holds it
        signature = servable.signatures[contract.HISTORY]
        outputs = (contract.ITEM_IDS, contract.RATINGS, contract.COUNT)
        target = servable.target(signature, outputs)
        array = np.empty(len(users), object)
        array[:] = users
        items, ratings, counts = await predictor.outputs(servable, target, [array], deadline)
        found: dict[bytes, History] = {}
        for row, user in enumerate(users):  # newest first
            kept = min(int(counts[row]), self.most)
            found[user] = items[row, :kept][::-1].tolist(), ratings[row, :kept][::-1].tolist()
            self.items += kept + (user not in self.histories)
            self.histories[user] = found[user]
        while self.items > KEPT_ITEMS:
            _, (old, _) = self.histories.popitem(last=False)
            self.items -= len(old) + 1
        return found


def _with_histories(
    servable: Servable, target: Computation, inputs: dict[str, Array], histories: list[History | None]
) -> tuple[Computation, list[Array]]:
    """The question with these histories; None = as it is."""
    rows = len(histories)
    name = contract.RECOMMEND if target.signature.name == contract.SERVING_DEFAULT else target.signature.name
    signature = servable.signatures[name]
    told = inputs.get(contract.HISTORY_ITEM_IDS)
    widest = max(len(history[0]) for history in histories if history is not None)
    widest = max(widest, 0 if told is None else told.shape[1])
    width = max(NARROWEST, 1 << (widest - 1).bit_length())
    items = np.full((rows, width), b"", object)
    ratings = np.full((rows, width), np.nan, np.float32)
    for row, history in enumerate(histories):
        if history is not None:
            size = len(history[0])
            items[row, width - size :] = history[0]
            ratings[row, width - size :] = history[1]
        elif told is not None:
            items[row, : told.shape[1]] = told[row]
            given = inputs[contract.HISTORY_RATINGS][row][: told.shape[1]]
            ratings[row, : len(given)] = given
    made: dict[str, Array] = {
        alias: np.zeros(rows, np.int32) if alias == contract.N else np.empty((rows, 0), object)
        for alias in signature.inputs
    }
    made |= inputs | {contract.HISTORY_ITEM_IDS: items, contract.HISTORY_RATINGS: ratings}
    return servable.target(signature, target.outputs), [made[alias] for alias in signature.inputs]


def _text(user: bytes) -> str:
    """A user's id as events have it; "" where no event can be of it."""
    if not user or len(user) > MOST_BYTES or b"\0" in user:
        return ""
    try:
        return user.decode()
    except UnicodeDecodeError:
        return ""


def _is_told(history: Array) -> bool:
    return any(history)
