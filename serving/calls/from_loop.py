"""Requests that coroutines wait for: REST and gRPC on their event loops.

A loop hands its requests over together: when it has read everything that had come, or enough for a call.
Handed over one by one they would not be merged: a free worker takes the first one alone, and the loop
and the worker then wait for each other's turn of the interpreter. This is no timer: a loop that has nothing else
to read hands over at once.

A batch that is computed wakes its loop once for all of its requests; a request whose coroutine is cancelled,
or whose time is over, is marked as abandoned, so that the batcher drops it.
"""

from __future__ import annotations

import asyncio
import time

from serving.calls.batching import Array, Batcher, Task
from serving.errors import DeadlineExceededError
from serving.models.servable import Computation, Servable

ENOUGH_ROWS = 32
"""Rows that are handed over at once: a larger call costs hardly less a row."""
SWEEP_SECONDS = 0.05
"""How late a request may be told that its time is over."""


class AsyncPredictor:
    """Hands the requests of one event loop to the batchers; to be used on that loop only.

    Args:
      quiet_turns: Turns of the loop without a further request after which all has been read. A request that comes
        within one turn needs 1; gRPC takes several turns to receive one, each some microseconds.
    """

    def __init__(self, quiet_turns: int) -> None:
        self._quiet_turns = quiet_turns
        self._turns = 0  # since the last request
        self._read: list[tuple[Servable, Task]] = []
        self._rows = 0
        self._is_turning = False
        self._waiting: set[Task] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def outputs(
        self, servable: Servable, target: Computation, arrays: list[Array], deadline: float
    ) -> list[Array]:
        """Computes a request.

        Args:
          servable: The version that answers.
          target: What to compute.
          arrays: In the order of the inputs.
          deadline: In seconds of time.monotonic; infinite = as long as it takes.

        Raises:
          StatusError: It cannot be computed, or not in time.
          ClosedError: The version is being unloaded.
        """
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        task = servable.task(target, arrays, self._done, deadline, future)
        self._waiting.add(task)
        if self._sweeper is None:
            self._sweep()
        self._read.append((servable, task))
        self._rows += task.rows or 1
        self._turns = 0
        if self._rows >= ENOUGH_ROWS:
            self._hand_over()
        elif not self._is_turning:
            self._is_turning = True
            loop.call_soon(self._turn)
        try:
            await future
        finally:
            self._waiting.discard(task)
            task.abandoned = True
        if task.error is not None:
            raise task.error
        assert task.outputs is not None
        return task.outputs

    def _turn(self) -> None:
        assert self._loop is not None
        self._turns += 1
        if self._read and self._turns <= self._quiet_turns:
            self._loop.call_soon(self._turn)
        else:
            self._is_turning = False
            self._hand_over()

    def _hand_over(self) -> None:
        read, self._read, self._rows = self._read, [], 0
        batchers: dict[Batcher, list[Task]] = {}
        for servable, task in read:
            if not task.abandoned:
                batchers.setdefault(servable.batcher, []).append(task)
        for batcher, tasks in batchers.items():
            for task, error in batcher.submit_all(tasks):
                if not task.waiter.done():
                    task.waiter.set_exception(error)

    def _done(self, tasks: list[Task]) -> None:
        """Called by a batcher's worker with the finished requests of a call: one signal for all of them."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(_wake, tasks)

    def _sweep(self) -> None:
        """Gives up on requests whose time is over; one timer for all of them."""
        assert self._loop is not None
        now = time.monotonic()
        for task in self._waiting:
            if task.deadline <= now and not task.waiter.done():
                task.abandoned = True
                task.waiter.set_exception(DeadlineExceededError("Timed out waiting for the answer of the model"))
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep) if self._waiting else None


def _wake(tasks: list[Task]) -> None:
    for task in tasks:
        if not task.waiter.done():  # its time may be over, or its client gone
            task.waiter.set_result(None)
