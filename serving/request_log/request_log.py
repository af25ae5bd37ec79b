"""The log of requests: which are logged is decided at once, written they are in a thread.

The thread takes what waits ten times a second: woken for each request it would fight with the server's loops for
Python's interpreter. Sampling is by a hash of the request's id, so several servers, and who looks for an id later,
decide the same. A disk that is slow or full costs records and never an answer: they are counted, and `notes` of the
readiness probe say why.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from serving.calls.batching import Array
from serving.calls.call import Call
from serving.errors import InvalidRequestError
from serving.models.servable import Computation, Servable
from serving.request_log import record
from serving.request_log.config import LoggedModel, RequestLogConfig
from serving.request_log.files import RecordFiles

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Records that wait to be written; further ones are dropped."""
DRAIN_SECONDS = 0.1
PAUSE_SECONDS = 5.0
"""How long a file that cannot be written is left alone."""
_HASHES = 1 << 32


class _Noted(NamedTuple):
    """What is logged of a request; arrays are those that were computed with, and never changed."""

    where: LoggedModel
    servable: Servable
    target: Computation
    request_id: bytes
    label: str
    time: float
    inputs: Sequence[Array]
    outputs: Sequence[Array]


@dataclasses.dataclass
class LogCounts:
    """What has been done, for the metrics.

    Attributes:
      logged: Records that were written.
      dropped: Records that were not: too many waited, the file could not be written, or the record not be made.
    """

    logged: int = 0
    dropped: int = 0


class RequestLog:
    """Logs predict requests with their answers.

    Args:
      config: How.
      logging_of: What the configuration of a model says of its log; None = nothing.

    Raises:
      InvalidRequestError: The key cannot be read.
    """

    def __init__(self, config: RequestLogConfig, logging_of: Callable[[str], LoggedModel | None]) -> None:
        self.counts = LogCounts()
        self._config = config
        self._logging_of = logging_of
        self._key = None if config.key_file is None else read_key(config.key_file)
        self._files: dict[Path, RecordFiles] = {}
        self._fault = ""
        self._retry_at = 0.0
        self._waiting: collections.deque[_Noted] = collections.deque()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str:
        """Why records cannot be written; "" = they can."""
        return self._fault

    def state(self) -> dict[str, float]:
        """What has been done, by the names of its series (serving/metrics.py)."""
        return {
            "recommender_requests_logged": self.counts.logged,
            "recommender_requests_not_logged": self.counts.dropped,
        }

    def note(
        self, call: Call, servable: Servable, target: Computation, inputs: Sequence[Array], outputs: Sequence[Array]
    ) -> None:
        """Logs a request that has been answered, if it is one of those that are logged; does not wait.

        Args:
          call: The request.
          servable: The version that answered.
          target: What was asked.
          inputs: In the order of the signature.
          outputs: In the order of the target.
        """
        where = self._logging_of(servable.name) or self._config.default
        if where is None or not is_sampled(call.request_id, where.sampling_rate):
            return
        if len(self._waiting) >= MOST_WAITING:
            self.counts.dropped += 1
            return
        self._waiting.append(_Noted(where, servable, target, call.request_id, call.label, time.time(), inputs, outputs))

    def close(self) -> None:
        """Writes what waits and ends the files."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.wait(DRAIN_SECONDS):
            if self._waiting:
                self._drain()
        self._drain()
        self._attempt(*(files.close for files in self._files.values()))

    def _drain(self) -> None:
        while self._waiting:
            self._write(self._waiting.popleft())
        self._attempt(*(files.flush for files in self._files.values()))

    def _write(self, noted: _Noted) -> None:
        if self._fault and time.monotonic() < self._retry_at:
            self.counts.dropped += 1
            return
        try:
            content = self._record(noted)
        except Exception:  # of one request: the others are logged
            logger.exception("request %s cannot be logged", noted.request_id.decode())
            self.counts.dropped += 1
            return
        if self._attempt(lambda: self._files_of(noted.where.prefix).write(content)):
            self.counts.logged += 1
        else:
            self.counts.dropped += 1

    def _attempt(self, *works: Callable[[], None]) -> bool:
        """Does what may fail on a disk; whether it did not."""
        try:
            for work in works:
                work()
        except (OSError, tf.errors.OpError) as error:
            message = error.message if isinstance(error, tf.errors.OpError) else str(error)
            if not self._fault:
                logger.error("requests cannot be logged: %s", message)
            self._fault, self._retry_at = message, time.monotonic() + PAUSE_SECONDS
            self._files.clear()  # a file that failed is not gone on with
            return False
        if self._fault and works:
            logger.info("requests are logged again")
            self._fault = ""
        return True

    def _record(self, noted: _Noted) -> bytes:
        signature, servable = noted.target.signature, noted.servable
        inputs = dict(zip(signature.inputs, noted.inputs, strict=True))
        logged = record.Logged(
            request_id=noted.request_id.decode(),
            time=int(noted.time),
            model=servable.name,
            version=servable.version,
            label=noted.label,
            signature=signature.name,
            inputs=inputs if self._key is None else record.with_hashed_people(inputs, self._key),
            outputs={},
        )
        dtypes = {alias: spec.dtype for alias, spec in signature.inputs.items()}
        answer = noted.target.answer.write(noted.outputs)
        return record.write(logged, dtypes, answer, noted.where.sampling_rate, servable.tags)

    def _files_of(self, prefix: Path) -> RecordFiles:
        files = self._files.get(prefix)
        if files is None:
            files = self._files[prefix] = RecordFiles(prefix, self._config.max_bytes, self._config.max_files)
        return files


def is_sampled(request_id: bytes, rate: float) -> bool:
    """Whether a request is logged, by its id: its hash (CRC-32) is below the share of all hashes."""
    return zlib.crc32(request_id) < rate * _HASHES


def read_key(path: Path) -> bytes:
    """The key under which ids of people are hashed.

    Raises:
      InvalidRequestError: It cannot be read, or is empty.
    """
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise InvalidRequestError(f"the key of the request log cannot be read: {error}") from None
    if not key:
        raise InvalidRequestError(f"{path} is empty. Expected: the key under which ids of people are hashed")
    return key
