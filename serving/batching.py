"""Greedy micro-batching: a free worker takes whatever is queued and waits for nothing.

One batcher belongs to one loaded version. Requests of the same signature whose arrays differ in
their first dimension only are computed in one call; everything else runs by itself. So a merged call
never depends on padding, and where it fails its requests run one by one: a bad row fails its own request.

The queue is bounded, a request that nobody waits for any more is dropped before it costs a call, and
a worker survives whatever a call raises.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from serving.errors import DeadlineExceededError, ServerError, StatusError, UnavailableError

logger = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]
Compute = Callable[[Any, "list[Array]"], "list[Array]"]
"""Target and merged inputs to outputs; raises StatusError."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchingConfig:
    """How requests are merged.

    Attributes:
      max_batch_size: Most rows of a merged call. A single request with more rows runs by itself.
      max_enqueued_batches: The queue holds at most this many times `max_batch_size` rows.
      num_batch_threads: Calls that run at once.
    """

    max_batch_size: int = 256
    max_enqueued_batches: int = 16
    num_batch_threads: int = 2

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} is {getattr(self, field.name)}, expected 1 or more")


class ClosedError(Exception):
    """The version is being unloaded: find its successor and ask that."""


class Task:
    """One request in the queue.

    Attributes:
      target: What to compute; requests merge only where it is the same object.
      inputs: Arrays in the order of the signature.
      rows: Rows of every input; 0 where the request cannot be merged.
      done: Called with the finished requests of a call, from the worker's thread.
      deadline: In seconds of time.monotonic; nothing is computed after it.
      outputs: The answer.
      error: What went wrong instead.
      abandoned: Set by whoever waits no more.
    """

    __slots__ = ("abandoned", "deadline", "done", "error", "inputs", "key", "outputs", "rows", "target", "waiter")

    def __init__(
        self,
        target: Any,
        inputs: list[Array],
        rows: int,
        key: Any,
        done: Callable[[list[Task]], None],
        deadline: float = float("inf"),
        waiter: Any = None,
    ) -> None:
        self.target = target
        self.inputs = inputs
        self.rows = rows
        self.key = key
        self.done = done
        self.deadline = deadline
        self.waiter = waiter
        self.outputs: list[Array] | None = None
        self.error: StatusError | None = None
        self.abandoned = False


class Batcher:
    """Queue and workers of one loaded version.

    Args:
      compute: Runs a call.
      config: Sizes.
      name: For the names of the threads.
    """

    def __init__(self, compute: Compute, config: BatchingConfig, name: str = "batcher") -> None:
        self._compute = compute
        self._max_rows = config.max_batch_size
        self._max_queued = config.max_batch_size * config.max_enqueued_batches
        self._max_running = config.num_batch_threads
        self._changed = threading.Condition(threading.Lock())
        self._groups: collections.OrderedDict[Any, collections.deque[Task]] = collections.OrderedDict()
        self._queued = 0
        self._running = 0
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(config.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def queued_rows(self) -> int:
        """Rows that wait."""
        return self._queued

    def submit(self, task: Task) -> None:
        """Queues a request; its `done` is called exactly once, in a worker's thread.

        Raises:
          UnavailableError: The queue is full.
          ClosedError: The version is being unloaded.
        """
        with self._changed:
            self._enqueue(task)

    def submit_all(self, tasks: Sequence[Task]) -> list[tuple[Task, Exception]]:
        """Queues requests that came together, so that they are computed together.

        Returns:
          Those that were refused, each with UnavailableError or ClosedError; their `done` is not called.
        """
        refused: list[tuple[Task, Exception]] = []
        with self._changed:
            for task in tasks:
                try:
                    self._enqueue(task)
                except (UnavailableError, ClosedError) as error:
                    refused.append((task, error))
        return refused

    def run_or_submit(self, task: Task) -> bool:
        """The same for a caller that would only wait: it computes its request itself where nothing else is going on.

        Returns:
          Whether it was computed; `done` is not called then.

        Raises:
          UnavailableError: The queue is full.
          ClosedError: The version is being unloaded.
        """
        with self._changed:
            if self._closed or self._groups or self._running >= self._max_running:
                self._enqueue(task)
                return False
            self._running += 1
        try:
            self._run([task])
        finally:
            self._leave()
        return True

    def close(self) -> None:
        """Computes what is queued, takes no more and ends the workers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        with self._changed:
            while self._running:
                self._changed.wait()

    def _enqueue(self, task: Task) -> None:
        rows = task.rows or 1
        if self._closed:
            raise ClosedError
        if self._queued and self._queued + rows > self._max_queued:
            raise UnavailableError("The batch scheduling queue to which this task was submitted is full")
        self._queued += rows
        group = self._groups.get(task.key)
        if group is None:
            self._groups[task.key] = group = collections.deque()
        group.append(task)
        if self._running < self._max_running:
            self._changed.notify()

    def _leave(self) -> None:
        with self._changed:
            self._running -= 1
            if self._closed:
                self._changed.notify_all()
            elif self._groups:
                self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._groups or self._running >= self._max_running:
                    if self._closed and not self._groups:
                        return
                    self._changed.wait()
                self._running += 1
                while self._groups:
                    batch = self._take()
                    self._changed.release()
                    try:
                        self._finish(batch)
                    finally:
                        del batch  # nothing of this call stays in memory while the worker waits
                        self._changed.acquire()
                self._running -= 1
                if self._closed:
                    self._changed.notify_all()

    def _take(self) -> list[Task]:
        """The requests of the group that has waited longest, up to the most rows of a call."""
        key, group = self._groups.popitem(last=False)
        batch: list[Task] = []
        rows = 0
        while group:
            size = group[0].rows or 1
            if batch and rows + size > self._max_rows:
                break
            task = group.popleft()
            self._queued -= size
            if not task.abandoned:
                rows += size
                batch.append(task)
            if not task.rows:
                break
        if group:
            self._groups[key] = group  # at the end: other groups have their turn first
        return batch

    def _finish(self, batch: list[Task]) -> None:
        now = time.monotonic()
        live = [task for task in batch if task.deadline > now]
        if len(live) < len(batch):
            for task in batch:
                if task.deadline <= now:
                    task.error = DeadlineExceededError("Deadline exceeded while waiting in the batching queue")
        if live:
            self._run(live)
        notified: dict[Any, list[Task]] = {}
        for task in batch:
            notified.setdefault(task.done, []).append(task)
        for done, tasks in notified.items():
            try:
                done(tasks)
            except Exception:  # a loop that is closed, for instance; the others are told all the same
                logger.exception("finished requests could not be handed back")

    def _run(self, tasks: Sequence[Task]) -> None:
        if len(tasks) > 1 and self._run_merged(tasks):
            return
        for task in tasks:
            try:
                task.outputs = self._compute(task.target, task.inputs)
            except StatusError as error:
                task.error = error
            except Exception as error:
                logger.exception("a call failed")
                task.error = ServerError(f"{type(error).__name__}: {error}")

    def _run_merged(self, tasks: Sequence[Task]) -> bool:
        """One call for all; False where it failed or did not answer row by row."""
        try:
            inputs = [np.concatenate(arrays) for arrays in zip(*(task.inputs for task in tasks), strict=True)]
            outputs = self._compute(tasks[0].target, inputs)
        except Exception:
            return False  # whose fault it is shows when they run one by one
        rows = len(inputs[0])
        if any(not output.ndim or len(output) != rows for output in outputs):
            return False
        start = 0
        for task in tasks:
            end = start + task.rows
            task.outputs = [output[start:end] for output in outputs]
            start = end
        return True
