"""How far a job is, told by its workers through small files in the attempt's folder.

Beam gives counters of a running job on some engines, late on others, and none in memory. The folder is
there on every engine, because the rows go there. Each process rewrites one file of its own.

Beam is imported only where a worker writes or an address has a scheme: who watches a local folder stays light.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
import uuid
from pathlib import Path

from components.batch_scoring.attempt_files import create

FOLDER = "progress"
SECONDS_BETWEEN = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """What the workers have done so far.

    Attributes:
      read: Records read.
      scored: Users answered and written.
      steps: Anything else that goes on: it says that the job is alive.
    """

    read: int = 0
    scored: int = 0
    steps: int = 0


class Reporter:
    """Adds up what this process has done for one attempt."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._name = f"{FOLDER}/{uuid.uuid4().hex}.json"
        self._lock = threading.Lock()
        self._done = Progress()
        self._written_at = 0.0

    def add(self, *, read: int = 0, scored: int = 0, steps: int = 0) -> None:
        """Counts, and tells when a second has passed."""
        with self._lock:
            done = self._done
            self._done = Progress(read=done.read + read, scored=done.scored + scored, steps=done.steps + steps)
            now = time.monotonic()
            if now - self._written_at < SECONDS_BETWEEN:
                return
            self._written_at = now
            self._write()

    def flush(self) -> None:
        """Tells at once."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        with create(self._folder, self._name) as file:
            file.write(json.dumps(dataclasses.asdict(self._done)).encode())


_REPORTERS: dict[str, Reporter] = {}
_LOCK = threading.Lock()


def reporter(folder: str) -> Reporter:
    """This process's reporter for an attempt."""
    with _LOCK:
        if folder not in _REPORTERS:
            _REPORTERS.clear()
            _REPORTERS[folder] = Reporter(folder)
        return _REPORTERS[folder]


class ProgressReader:
    """Reads what the workers tell.

    Args:
      folder: The attempt's folder.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: dict[str, Progress] = {}

    def read(self) -> Progress:
        """The sum over all workers; a file that is being written counts as it was."""
        for path in self._paths():
            with contextlib.suppress(OSError, ValueError, TypeError):
                self._known[path] = Progress(**json.loads(self._content(path)))
        done = self._known.values()
        return Progress(
            read=sum(one.read for one in done),
            scored=sum(one.scored for one in done),
            steps=sum(one.steps for one in done),
        )

    def _paths(self) -> list[str]:
        if "://" not in self._folder:
            return [str(path) for path in Path(self._folder, FOLDER).glob("*.json")]
        from apache_beam.io.filesystems import FileSystems

        with contextlib.suppress(Exception):  # of a file system that is away for a moment
            (match,) = FileSystems.match([f"{self._folder}/{FOLDER}/*.json"])
            return [metadata.path for metadata in match.metadata_list]
        return []

    def _content(self, path: str) -> bytes:
        if "://" not in path:
            return Path(path).read_bytes()
        from apache_beam.io.filesystems import FileSystems

        with FileSystems.open(path) as file:
            return bytes(file.read())
