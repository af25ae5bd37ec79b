"""The desk between the event loops of the server and the store: many questions are one question to the store.

Two threads, one that writes and one that reads, each take everything that waits and ask the store once: so a flush
of the disk, or a round trip, is shared by all who wait. Who waits is a coroutine of REST's loop or of gRPC's; a loop
hands over what it has gathered when nothing else has come, and one thing at a time: a thread that is woken for each
question would fight with the loop for Python's interpreter.

A store that is away keeps no answer waiting: reading gives up after `READ_SECONDS`, and is not tried again for
`PAUSE_SECONDS`; answers then follow from the bundle alone. An event is acknowledged once the store has it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from serving.errors import UnavailableError
from serving.events.event import Event
from serving.events.store import EventStore, StoreError

logger = logging.getLogger(__name__)

READ_SECONDS = 0.25
"""Most time that an answer waits for the store."""
PAUSE_SECONDS = 1.0
"""How long a store that failed is left alone by readers."""
TRIM_SECONDS = 900.0
QUIET_TURNS = 2
"""Turns of a loop without a further question after which all has been gathered."""
MOST_WAITING = 50_000
"""Events that wait for the store; further ones are refused."""


@dataclasses.dataclass
class EventCounts:
    """What has been done, for the metrics.

    Attributes:
      stored: Events that were new.
      repeated: Events whose id was known.
      refused: Events that the store did not take.
      merged: Questions that followed from events, too.
      without: Questions that were answered without the store, because it is away.
    """

    stored: int = 0
    repeated: int = 0
    refused: int = 0
    merged: int = 0
    without: int = 0


@dataclasses.dataclass(eq=False)
class _Waiting:
    """A question that waits."""

    asked: Sequence[Any]
    future: asyncio.Future[Any]
    since: float


class EventDesk:
    """Keeps and reads events for coroutines.

    Args:
      store: Where they are kept; closed with the desk.
      most: Events of a user that are read.
      kinds: Kinds of events that count in answers; none = all.

    Attributes:
      store: The same.
      counts: What has been done.
    """

    def __init__(self, store: EventStore, *, most: int = 100, kinds: Collection[str] = ()) -> None:
        self.store = store
        self.counts = EventCounts()
        self._most = most
        self._kinds = frozenset(kinds)
        self._fault = ""
        self._retry_at = 0.0
        self._waiting = 0
        self._stopped = threading.Event()
        self._writer = _Worker("events-write", self._write)
        self._reader = _Worker("events-read", self._read, READ_SECONDS)
        threading.Thread(target=self._trim, name="events-trim", daemon=True).start()

    @property
    def fault(self) -> str:
        """Why the store cannot be used; "" = it can."""
        return self._fault

    def state(self) -> dict[str, float]:
        """What has been done, by the names of its series (serving/metrics.py)."""
        return {
            "recommender_event_store_up": float(not self._fault),
            "recommender_events_stored": self.counts.stored,
            "recommender_events_repeated": self.counts.repeated,
            "recommender_events_refused": self.counts.refused,
            "recommender_answers_from_events": self.counts.merged,
            "recommender_answers_without_store": self.counts.without,
        }

    async def add(self, events: Sequence[Event]) -> tuple[int, int]:
        """Keeps events; how many were new and how many were known by their ids.

        Raises:
          UnavailableError: The store does not take them; none of them is acknowledged.
        """
        if self._waiting + len(events) > MOST_WAITING:
            raise UnavailableError("Too many events wait for the event store")
        self._waiting += len(events)
        try:
            added: list[bool] = await self._writer.ask(events)
        except StoreError as error:
            self.counts.refused += len(events)
            raise UnavailableError(f"The event store is away, and the events are not kept: {error}") from None
        finally:
            self._waiting -= len(events)
        new = sum(added)
        self.counts.stored += new
        self.counts.repeated += len(added) - new
        return new, len(added) - new

    async def of(self, users: Sequence[str]) -> list[list[Event]]:
        """The newest events of users that count in answers, oldest first; none where the store is away."""
        if self._fault and time.monotonic() < self._retry_at:
            self.counts.without += 1
            return [[] for _ in users]
        try:
            found: list[list[Event]] = await self._reader.ask(users)
        except StoreError as error:
            self._failed(error)
            self.counts.without += 1
            return [[] for _ in users]
        return found

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Something else that the store does, in a thread.

        Raises:
          UnavailableError: The store is away.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)
        except StoreError as error:
            self._failed(error)
            raise UnavailableError(f"The event store is away: {error}") from None

    def close(self) -> None:
        """Keeps what waits and closes the store."""
        self._stopped.set()
        self._writer.close()
        self._reader.close()
        self.store.close()

    def _write(self, events: Sequence[Event]) -> list[bool]:
        return self.store.add(events)

    def _read(self, users: Sequence[str]) -> list[list[Event]]:
        found = self.store.latest(users, self._most, self._kinds)
        if self._fault:
            logger.info("the event store is back")
            self._fault = ""
        return found

    def _failed(self, error: BaseException) -> None:
        self._retry_at = time.monotonic() + PAUSE_SECONDS
        if not self._fault:
            logger.error("the event store is away, answers follow from the bundle alone: %s", error)
        self._fault = str(error)

    def _trim(self) -> None:
        while not self._stopped.is_set():
            try:
                self.store.trim(time.time())
            except StoreError as error:
                logger.warning("old events could not be dropped: %s", error)
            self._stopped.wait(TRIM_SECONDS)


class _Gathering:
    """What one loop asks of a worker: gathered, handed over together, one question at a time.

    Args:
      loop: The loop; everything is called on it.
      submit: Takes what is asked for, and a callback for the answers, or an error; called on any thread.
      seconds: How long who asks waits.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        submit: Callable[[list[Any], Callable[[Any], None]], None],
        seconds: float,
    ) -> None:
        self._loop = loop
        self._submit = submit
        self._seconds = seconds
        self._gathered: list[_Waiting] = []
        self._asking: list[_Waiting] = []
        self._is_turning = False
        self._timer: asyncio.TimerHandle | None = None

    def answer(self, asked: Sequence[Any]) -> asyncio.Future[Any]:
        """The answers to these, in their order, or a StoreError."""
        question = _Waiting(asked, self._loop.create_future(), time.monotonic())
        self._gathered.append(question)
        if not self._is_turning and not self._asking:
            self._is_turning = True
            self._loop.call_soon(self._turn, len(self._gathered), QUIET_TURNS)
        if self._timer is None and self._seconds < math.inf:
            self._timer = self._loop.call_later(self._seconds / 4, self._sweep)
        return question.future

    def _turn(self, known: int, turns: int) -> None:
        """Hands over when nothing more has come for some turns of the loop."""
        if len(self._gathered) > known:
            turns = QUIET_TURNS
        if turns:
            self._loop.call_soon(self._turn, len(self._gathered), turns - 1)
            return
        self._is_turning = False
        self._hand_over()

    def _hand_over(self) -> None:
        questions, self._gathered = self._gathered, []
        self._asking = questions

        def told(answers: Any) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._settle, questions, answers)

        self._submit([one for question in questions for one in question.asked], told)

    def _settle(self, questions: list[_Waiting], answers: Any) -> None:
        start = 0
        for question in questions:
            end = start + len(question.asked)
            if not question.future.done():  # else who waited has gone, or its time was over
                if isinstance(answers, BaseException):
                    question.future.set_exception(answers)
                else:
                    question.future.set_result(answers[start:end])
            start = end
        self._asking = []
        if self._gathered:
            self._hand_over()

    def _sweep(self) -> None:
        """Ends waiting when its time is over; one timer for all who wait."""
        late = time.monotonic() - self._seconds
        waiting = [*self._asking, *self._gathered]
        for question in waiting:
            if question.since <= late and not question.future.done():
                question.future.set_exception(StoreError(f"no answer within {self._seconds} s"))
        self._timer = self._loop.call_later(self._seconds / 4, self._sweep) if waiting else None


class _Worker:
    """A thread that asks the store, for several loops."""

    def __init__(self, name: str, work: Callable[[Sequence[Any]], list[Any]], seconds: float = math.inf) -> None:
        self._work = work
        self._seconds = seconds
        self._gatherings: dict[asyncio.AbstractEventLoop, _Gathering] = {}
        self._queue: queue.SimpleQueue[tuple[list[Any], Callable[[Any], None]] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, asked: Sequence[Any]) -> asyncio.Future[Any]:
        """The answers to these, in their order."""
        loop = asyncio.get_running_loop()
        gathering = self._gatherings.get(loop)
        if gathering is None:
            gathering = self._gatherings[loop] = _Gathering(loop, self._submit, self._seconds)
        return gathering.answer(asked)

    def close(self) -> None:
        """Ends when everything that waits is done."""
        self._is_closed = True
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _submit(self, asked: list[Any], told: Callable[[Any], None]) -> None:
        if self._is_closed:
            told(StoreError("the server ends"))
        else:
            self._queue.put((asked, told))

    def _run(self) -> None:
        while (taken := self._queue.get()) is not None:
            asked, told = taken
            try:
                told(self._work(asked))
            except StoreError as error:
                told(error)
            except BaseException as error:
                told(StoreError(f"{type(error).__name__}: {error}"))
