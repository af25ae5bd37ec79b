"""Greedy micro-batching: a free worker takes whatever is queued and waits for nothing.

One batcher belongs to one loaded version. Requests of the same signature whose arrays differ in
their first dimension only are computed in one call; everything else runs by itself. So a merged call
never depends on padding, and where it fails its requests run one by one: a bad row fails its own request.

A request with more rows than a call takes is long: it is computed block by block, each about ten milliseconds of
work, and between two blocks everybody else has a turn. A long request whose caller has gone, or whose time is over,
ends between blocks. Where there are several workers, one is always left to the short requests.

The queue is bounded, a request that nobody waits for any more is dropped before it costs a call, and
a worker survives whatever a call raises.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from serving.errors import DeadlineExceededError, ServerError, Status, StatusError, UnavailableError

logger = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]
Compute = Callable[[Any, "list[Array]"], "list[Array]"]
"""Target and merged inputs to outputs; raises StatusError."""

FIRST_BLOCK_ROWS = 32
"""Rows of a long request's first block; the next ones are as large as the time allows."""
BLOCK_SECONDS = 0.01
"""What a block of a long request should take: so long others wait for it at most."""
GIVE_UP_SECONDS = 1.0
"""How long a batcher whose time to close is over waits for the calls that run: they cannot be interrupted."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchingConfig:
    """How requests are merged.

    Attributes:
      max_batch_size: Most rows of a merged call. A request with more rows is long and is computed block by block.
      max_enqueued_batches: The queue holds at most this many times `max_batch_size` rows.
      num_batch_threads: Calls that run at once.
      max_long_rows: Rows of all long requests together.
    """

    max_batch_size: int = 256
    max_enqueued_batches: int = 16
    num_batch_threads: int = 2
    max_long_rows: int = 65_536

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
      pads: Whether rows of a narrower block may be filled up with zeros or empty texts.
      outputs: The answer.
      error: What went wrong instead.
      abandoned: Set by whoever waits no more.
      parts: Outputs of the blocks of a long request that have been computed.
      computed: Rows of these.
      block: Rows of its next block.
    """

    __slots__ = (
        "abandoned",
        "block",
        "computed",
        "deadline",
        "done",
        "error",
        "inputs",
        "key",
        "outputs",
        "pads",
        "parts",
        "rows",
        "target",
        "waiter",
    )

    def __init__(
        self,
        target: Any,
        inputs: list[Array],
        rows: int,
        key: Any,
        done: Callable[[list[Task]], None],
        deadline: float = float("inf"),
        waiter: Any = None,
        pads: bool = False,
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
        self.pads = pads
        self.parts: list[list[Array]] = []
        self.computed = 0
        self.block = FIRST_BLOCK_ROWS


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
        self._long: collections.deque[Task] = collections.deque()
        self._long_rows = 0  # of those that wait and those that run
        self._max_long_rows = config.max_long_rows
        self._long_running = 0
        self._max_long_running = max(1, config.num_batch_threads - 1)
        self._is_long_turn = False
        self._running = 0
        self._closed = False
        self._is_given_up = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(config.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def queued_rows(self) -> int:
        """Rows that wait, those of long requests included until the whole request is answered."""
        return self._queued + self._long_rows

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
            is_busy = self._groups or self._running >= self._max_running
            if self._closed or is_busy or task.rows > self._max_rows:
                self._enqueue(task)
                return False
            self._running += 1
        try:
            self._run([task])
        finally:
            self._leave()
        return True

    def close(self, seconds: float = math.inf) -> bool:
        """Takes no more, computes what is queued and ends the workers.

        Args:
          seconds: Most time for it. What is not computed then is refused, and calls that run are left alone.

        Returns:
          Whether everything has ended.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            has_ended = self._changed.wait_for(self._is_idle, None if seconds == math.inf else seconds)
        if not has_ended:
            self._give_up()
            with self._changed:
                has_ended = self._changed.wait_for(self._is_idle, GIVE_UP_SECONDS)
        if has_ended:
            for thread in self._threads:
                thread.join()
        return has_ended

    def _is_idle(self) -> bool:
        return not (self._groups or self._long or self._running)

    def _give_up(self) -> None:
        """Refuses everything that has not been computed."""
        with self._changed:
            self._is_given_up = True
            tasks = [task for group in self._groups.values() for task in group] + list(self._long)
            self._groups.clear()
            self._long.clear()
            self._queued = self._long_rows = 0
        for task in tasks:
            task.error = _ending()
        _hand_back([task for task in tasks if not task.abandoned])

    def _enqueue(self, task: Task) -> None:
        rows = task.rows or 1
        if self._closed:
            raise ClosedError
        if rows > self._max_rows:
            self._enqueue_long(task)
        else:
            if self._queued and self._queued + rows > self._max_queued:
                raise UnavailableError("The batch scheduling queue to which this task was submitted is full")
            self._queued += rows
            group = self._groups.get(task.key)
            if group is None:
                self._groups[task.key] = group = collections.deque()
            group.append(task)
        if self._running < self._max_running:
            self._changed.notify()

    def _enqueue_long(self, task: Task) -> None:
        if self._long_rows and self._long_rows + task.rows > self._max_long_rows:
            raise UnavailableError(
                f"Requests with {self._long_rows} rows are being answered, and this one has {task.rows}: requests of "
                f"more than {self._max_rows} rows may have {self._max_long_rows} together",
                Status.RESOURCE_EXHAUSTED,
            )
        self._long.append(task)
        self._long_rows += task.rows

    def _leave(self) -> None:
        with self._changed:
            self._running -= 1
            if self._closed:
                self._changed.notify_all()
            elif self._has_work():
                self._changed.notify()

    def _has_work(self) -> bool:
        return bool(self._groups) or (bool(self._long) and self._long_running < self._max_long_running)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._has_work() or self._running >= self._max_running:
                    if self._closed and not self._has_work():
                        return
                    self._changed.wait()
                self._running += 1
                while self._has_work():
                    self._take_turn()
                self._running -= 1
                if self._closed:
                    self._changed.notify_all()

    def _take_turn(self) -> None:
        """One call, of short requests or of a block of a long one, in turns; called with the lock held."""
        may_be_long = self._long and self._long_running < self._max_long_running
        if may_be_long and (self._is_long_turn or not self._groups):
            self._is_long_turn = False
            self._take_block()
            return
        self._is_long_turn = True
        batch = self._take()
        self._changed.release()
        try:
            self._finish(batch)
        finally:
            del batch  # nothing of this call stays in memory while the worker waits
            self._changed.acquire()

    def _take_block(self) -> None:
        """One block of the long request that has waited longest; the request queues up again behind the others."""
        task = self._long.popleft()
        self._long_running += 1
        is_over = True
        self._changed.release()
        try:
            is_over = self._run_block(task)
            if is_over and not task.abandoned:
                _hand_back([task])
        finally:
            self._changed.acquire()
            self._long_running -= 1
            if not is_over and self._is_given_up:
                task.error = _ending()
                _hand_back([task])
            elif not is_over:
                self._long.append(task)
            else:
                self._long_rows = max(0, self._long_rows - task.rows)
            del task

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
                    task.error = _late()
        if live:
            self._run(live)
        _hand_back(batch)

    def _run_block(self, task: Task) -> bool:
        """Computes a block of a long request; whether nothing is left to compute."""
        if task.abandoned:
            return True
        started = time.monotonic()
        if task.deadline <= started:
            task.error = _late()
            return True
        start, end = task.computed, min(task.computed + task.block, task.rows)
        try:
            outputs = self._compute(task.target, [array[start:end] for array in task.inputs])
            if any(not output.ndim or len(output) != end - start for output in outputs):
                task.outputs = self._compute(task.target, task.inputs)  # it does not answer row by row
                return True
            task.parts.append(outputs)
            task.computed = end
            if end == task.rows:
                task.outputs = _joined(task.parts, task.pads) or self._compute(task.target, task.inputs)
                return True
        except Exception as error:
            task.error = _as_status(error)
            return True
        share = BLOCK_SECONDS / max(time.monotonic() - started, 1e-9)
        task.block = max(1, min(self._max_rows, int(task.block * min(2.0, max(0.25, share)))))
        return False

    def _run(self, tasks: Sequence[Task]) -> None:
        if len(tasks) > 1 and self._run_merged(tasks):
            return
        for task in tasks:
            try:
                task.outputs = self._compute(task.target, task.inputs)
            except Exception as error:
                task.error = _as_status(error)

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


def _hand_back(tasks: Sequence[Task]) -> None:
    """Tells everybody who waits, once for all of their requests."""
    notified: dict[Any, list[Task]] = {}
    for task in tasks:
        notified.setdefault(task.done, []).append(task)
    for done, finished in notified.items():
        try:
            done(finished)
        except Exception:  # a loop that is closed, for instance; the others are told all the same
            logger.exception("finished requests could not be handed back")


def _joined(parts: list[list[Array]], pads: bool) -> list[Array] | None:
    """The outputs of all blocks; None where they are of different widths and cannot be filled up."""
    outputs = []
    for blocks in zip(*parts, strict=True):
        shapes = {block.shape[1:] for block in blocks}
        if len(shapes) > 1:
            if not pads or any(len(shape) != 1 for shape in shapes):
                return None
            width = max(shape[0] for shape in shapes)
            blocks = tuple(_widened(block, width) for block in blocks)
        outputs.append(np.concatenate(blocks))
    return outputs


def _widened(block: Array, width: int) -> Array:
    if block.shape[1] == width:
        return block
    wide = np.full((len(block), width), b"" if block.dtype == object else 0, block.dtype)
    wide[:, : block.shape[1]] = block
    return wide


def _as_status(error: Exception) -> StatusError:
    if isinstance(error, StatusError):
        return error
    failure = ServerError(f"{type(error).__name__}: {error}")
    failure.__cause__ = error  # whoever answers the request logs both
    return failure


def _late() -> StatusError:
    return DeadlineExceededError("Deadline exceeded while waiting in the batching queue")


def _ending() -> StatusError:
    return UnavailableError("The server ends before this request could be computed")
