"""Writes rows and rejected records into files of an attempt's folder, and tells how many they were."""

from __future__ import annotations

import collections
import json
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam
import pyarrow.compute as pc
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from components.batch_scoring.attempt_files import create
from components.batch_scoring.blocks import RANK, Rejected, ScoredBlock
from components.batch_scoring.formats import FORMATS
from components.batch_scoring.progress_files import reporter
from components.batch_scoring.tally import REJECTED_SHARD, Part, Tally, total
from components.batch_scoring.user_files import place

NAMESPACE = "BatchScoring"
PARTS = "parts"
REJECTED_SUFFIX = ".jsonl"
MOST_WAITING = 16
"""Blocks of rows that may wait in memory for the thread that writes."""


class WriteRows(beam.DoFn):  # type: ignore[misc]
    """Writes scored blocks, for every output file of the bundle one part; yields a Tally when the bundle ends.

    A thread encodes and writes while the model answers the next blocks; the bundle ends when it has written all.
    A bundle that is tried again writes parts of other names; only those of the bundle that counts are
    in the tally, and the others are never looked at.

    Args:
      folder: The attempt's folder.
      suffix: Ending, hence format, of the files.
      schema: Of the rows.
      paths: Files of the input, to name rejected records.
    """

    def __init__(self, folder: str, suffix: str, schema: Any, paths: Sequence[str]) -> None:
        self._folder = folder
        self._suffix = suffix
        self._schema = schema
        self._paths = list(paths)
        self._scored = Metrics.counter(NAMESPACE, "users_scored")
        self._written = Metrics.counter(NAMESPACE, "rows_written")
        self._rejected = Metrics.counter(NAMESPACE, "users_rejected")

    def setup(self) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write-rows")

    def teardown(self) -> None:
        self._writer.shutdown(wait=False, cancel_futures=True)

    def start_bundle(self) -> None:
        self._open: dict[int, _OpenPart] = {}
        self._waiting: collections.deque[Future[None]] = collections.deque()
        self._bad: list[Rejected] = []
        self._tallies: list[Tally] = []

    def process(self, block: ScoredBlock) -> None:
        """Appends a block to the part of its output file."""
        if block.shard not in self._open:
            self._open[block.shard] = _OpenPart(self._folder, block.shard, self._suffix, self._schema)
        self._waiting.append(self._writer.submit(self._open[block.shard].write, block.rows))
        self._wait(MOST_WAITING)
        self._bad += block.rejected
        answered = pc.sum(pc.equal(block.rows.column(self._schema.get_field_index(RANK)), 1)).as_py() or 0
        self._tallies.append(Tally(users=block.users, without_items=block.users - answered, sources=block.sources))
        self._scored.inc(block.users)
        self._written.inc(len(block))
        self._rejected.inc(len(block.rejected))
        reporter(self._folder).add(scored=block.users)

    def finish_bundle(self) -> Iterator[Any]:
        """Closes the parts."""
        self._wait(0)
        parts = [part.close() for part in self._open.values()]
        written = [Tally(rows=part.rows, parts=(part,)) for part in parts]
        rejected = rejected_tally(self._folder, self._bad, self._paths)
        yield _in_the_end(total([*self._tallies, *written, *rejected]))
        reporter(self._folder).flush()

    def _wait(self, most: int) -> None:
        """Waits until at most so many blocks are left; raises what the writing thread has met."""
        while len(self._waiting) > most:
            self._waiting.popleft().result()


class WriteRejected(beam.DoFn):  # type: ignore[misc]
    """Writes records that could not be read; yields a Tally when the bundle ends.

    Args:
      folder: The attempt's folder.
      paths: Files of the input.
    """

    def __init__(self, folder: str, paths: Sequence[str]) -> None:
        self._folder = folder
        self._paths = list(paths)
        self._rejected = Metrics.counter(NAMESPACE, "users_rejected")

    def start_bundle(self) -> None:
        self._bad: list[Rejected] = []

    def process(self, rejected: Sequence[Rejected]) -> None:
        """Collects them."""
        self._bad += rejected
        self._rejected.inc(len(rejected))

    def finish_bundle(self) -> Iterator[Any]:
        """Writes them."""
        yield _in_the_end(total(rejected_tally(self._folder, self._bad, self._paths)))


def rejected_tally(folder: str, rejected: Sequence[Rejected], paths: Sequence[str]) -> list[Tally]:
    """Writes rejected records into a part of their own; nothing where there is none."""
    if not rejected:
        return []
    lines = [
        json.dumps(
            {"place": place(one.position, paths), "user_id": one.user_id, "reason": one.reason}, ensure_ascii=False
        )
        for one in sorted(rejected, key=lambda one: one.position)
    ]
    name = _part_name(REJECTED_SHARD, REJECTED_SUFFIX)
    content = "".join(f"{line}\n" for line in lines).encode()
    with create(folder, name) as file:
        file.write(content)
    part = Part(name=name, shard=REJECTED_SHARD, rows=len(rejected), size=len(content))
    return [Tally(rejected=len(rejected), parts=(part,))]


class _OpenPart:
    """A part that rows are being written into."""

    def __init__(self, folder: str, shard: int, suffix: str, schema: Any) -> None:
        self._name = _part_name(shard, suffix)
        self._shard = shard
        self._stream = _Counted(create(folder, self._name))
        self._file = FORMATS[suffix](self._stream, schema)
        self._rows = 0

    def write(self, rows: Any) -> None:
        self._file.write(rows)
        self._rows += rows.num_rows

    def close(self) -> Part:
        self._file.close()
        self._stream.close()
        return Part(name=self._name, shard=self._shard, rows=self._rows, size=self._stream.size)


class _Counted:
    """A stream that counts its bytes: not every file system tells a stream's position."""

    closed = False

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.size = 0

    def write(self, content: Any) -> int:
        self._stream.write(content)
        self.size += len(content)
        return len(content)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()


def _part_name(shard: int, suffix: str) -> str:
    kind = "rejected" if shard == REJECTED_SHARD else f"shard-{shard:05d}"
    return f"{PARTS}/{kind}-{uuid.uuid4().hex}{suffix}"


def _in_the_end(tally: Tally) -> Any:
    """What a bundle yields when it ends has no element whose window it could take."""
    window = GlobalWindow()
    return WindowedValue(tally, window.max_timestamp(), [window])
