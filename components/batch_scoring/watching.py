"""Runs attempts in child processes and watches them: a job that dies, hangs or is too slow ends with a clear message.

No engine of Beam's does this by itself. A lost worker fails the job, a frozen one or a cut link hangs it for
ever, and nothing is tried again. So an attempt is a process with a folder of its own: it ends well and its
folder is published by a rename, or it is killed, its folder deleted and a whole new one started.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.batch_scoring import publishing
from components.batch_scoring.job import DISK, INPUT, Specification
from components.batch_scoring.progress_files import Progress, ProgressReader
from components.batch_scoring.publishing import Destination
from components.beam import engines
from components.errors import InputError
from components.progress import conclude, report, warn

SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_TO_CANCEL = 10.0
"""A job that is stopped may take so long to tell its engine; then it is killed."""


LEFT_OUT = {"duplicates": "left out as duplicates", "rejected": "rejected"}
"""Counts of the summary that are records and no users."""


class ScoringFailedError(Exception):
    """No attempt has ended well; nothing was published.

    Attributes:
      log: What the last attempt wrote.
    """

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


class AttemptFailedError(Exception):
    """An attempt has not ended well."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How long and how often.

    Attributes:
      attempts: Whole attempts, the first one included.
      stall_seconds: An attempt in which no worker does anything for so long is ended.
      seconds: An attempt that takes longer is ended; 0 = no limit.
    """

    attempts: int = 1
    stall_seconds: float = 300.0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asks for.

    Attributes:
      model: The bundle's folder.
      version: Its name in the rows.
      users: `all`, a file, a folder or a pattern.
      n: Items a user.
      retrieve_only: Whether the first stage alone is asked.
      destination: Where the rows go.
      block_users: Users of a block; 0 = as many as suit the bundle.
      beam_arguments: Beam's own options; none = in memory.
      limits: How long and how often.
    """

    model: str
    version: str
    users: str
    n: int
    retrieve_only: bool = False
    destination: Destination
    block_users: int = 0
    beam_arguments: Sequence[str] = ()
    limits: Limits = Limits()


def score(request: Request) -> dict[str, Any]:
    """Scores, attempt by attempt, and publishes the rows of the one that ends well.

    Returns:
      The summary, as it lies beside the rows.

    Raises:
      InputError: Something that a person can cure; it is not tried again.
      ScoringFailedError: The last attempt failed, too.
    """
    publishing.prepare(request.destination)
    arguments = engines.resolve(request.beam_arguments)
    attempts = request.limits.attempts
    for attempt in range(1, attempts + 1):
        engines.check(arguments)
        folder = request.destination.attempt_folder()
        log = _new_log()
        try:
            summary = _attempt(request, arguments, folder, log)
        except AttemptFailedError as failure:
            if attempt == attempts:
                tried = f"all {attempts} attempts failed; the last: " if attempts > 1 else ""
                raise ScoringFailedError(f"{tried}{failure}", log) from None
            warn("attempt %d of %d failed: %s (its log: %s)", attempt, attempts, failure, log)
        else:
            Path(log).unlink(missing_ok=True)
            return summary
    raise AssertionError("unreachable: an attempt returns or raises")


def _attempt(request: Request, arguments: Sequence[str], folder: str, log: str) -> dict[str, Any]:
    arguments = engines.named(arguments, uuid.uuid4().hex[:8])
    specification = Specification(
        model=request.model,
        version=request.version,
        users=request.users,
        n=request.n,
        retrieve_only=request.retrieve_only,
        folder=folder,
        suffix=request.destination.suffix,
        shards=request.destination.shards,
        block_users=request.block_users,
        beam_arguments=arguments,
    )
    try:
        summary = _run_job(specification, request.limits, log)
        try:
            publishing.publish(request.destination, folder)
        except OSError as error:
            raise AttemptFailedError(f"the output cannot be published: {error}") from error
        return summary
    finally:
        publishing.discard(folder)


def _run_job(specification: Specification, limits: Limits, log: str) -> dict[str, Any]:
    """The summary of a job that ended well; any other job is at an end at its engine, too."""
    try:
        return _run_child(specification, limits, log)
    except BaseException:
        engines.end(specification.beam_arguments)
        raise


def _run_child(specification: Specification, limits: Limits, log: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="recommender-score-") as desk, Path(log).open("wb") as sink:
        specification_file, result_file = Path(desk, "specification.json"), Path(desk, "result.json")
        specification_file.write_text(json.dumps(dataclasses.asdict(specification)), encoding="utf-8")
        child = subprocess.Popen(
            [sys.executable, "-m", "components.batch_scoring.job", str(specification_file), str(result_file)],
            stdin=subprocess.PIPE,  # its end tells the child that this process is gone
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        )
        with _ended(child):
            watch, users_file = AttemptWatch(specification.folder, limits), Path(f"{result_file}.users")
            while child.poll() is None:
                if users_file.exists():
                    watch.expect(int(json.loads(users_file.read_text(encoding="utf-8"))))
                watch.look()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(SECONDS_BETWEEN_LOOKS)
        summary = _outcome(child.returncode, result_file, specification)
        watch.end(summary)
        return summary


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leaves no process behind, whatever happens: not the child, and not an engine that it has started."""
    try:
        yield
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)  # lets it cancel the job at its engine
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(SECONDS_TO_CANCEL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        assert child.stdin is not None
        child.stdin.close()


class AttemptWatch:
    """Looks at an attempt now and then: shows how far it is, ends it where nothing moves.

    Args:
      folder: The attempt's folder.
      limits: How long; None: as long as it takes.
      clock: Seconds.
    """

    def __init__(self, folder: str, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = ProgressReader(folder)
        self._total = 0
        self._limits = limits or Limits(stall_seconds=math.inf)
        self._clock = clock
        self._start = self._moved_at = clock()
        self._scoring_since = 0.0
        self._scored_first = 0
        self._last = Progress()

    def expect(self, total: int) -> None:
        """Is told the number of records once it is known."""
        if not self._total:
            self._total, self._moved_at = total, self._clock()

    def look(self) -> None:
        """Raises an AttemptFailedError where a limit is passed."""
        now = self._clock()
        done = self._reader.read()
        if done != self._last:
            self._last, self._moved_at = done, now
            report("%s", self._words(done, now))
        if now - self._moved_at > self._limits.stall_seconds:
            raise AttemptFailedError(
                f"no worker has done anything for {self._limits.stall_seconds:.0f} seconds, after "
                f"{done.read:,} records were read and {done.scored:,} users scored: "
                "it is frozen, cut off, or was never started; the job was ended"
            )
        if self._limits.seconds and now - self._start > self._limits.seconds:
            raise AttemptFailedError(
                f"the limit of {self._limits.seconds:.0f} seconds is over, after {done.scored:,} users were scored; "
                "the job was ended"
            )

    def end(self, summary: Mapping[str, Any]) -> None:
        """Tells the whole count of a job that has ended well: what became of every record."""
        words = [f"all {summary['read']:,} records done: {summary['users']:,} users scored"]
        words += [f"{summary[count]:,} {what}" for count, what in LEFT_OUT.items() if summary[count]]
        conclude("%s", ", ".join(words))

    def _words(self, done: Progress, now: float) -> str:
        total = f" of {self._total:,}" if self._total else ""
        if self._total:  # what an engine does twice is told twice
            done = Progress(read=min(done.read, self._total), scored=min(done.scored, self._total), steps=done.steps)
        if not done.scored:
            return f"{done.read:,}{total} records read"
        if not self._scoring_since:
            self._scoring_since, self._scored_first = now, done.scored
        words = f"{done.scored:,}{total} users scored"
        seconds, scored = now - self._scoring_since, done.scored - self._scored_first
        if seconds < 1 or not scored:
            return words
        rate = scored / seconds
        left = f", {_left((self._total - done.scored) / rate)} left" if self._total > done.scored else ""
        return f"{words}, {rate:,.0f}/s{left}"


def _left(seconds: float) -> str:
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _outcome(code: int, result_file: Path, specification: Specification) -> dict[str, Any]:
    """The summary of a child that ended well; else what its end means."""
    result = json.loads(result_file.read_text(encoding="utf-8")) if result_file.exists() else {}
    if code == 0 and "summary" in result:
        return dict(result["summary"])
    if result.get("kind") == INPUT:
        fields = {name: result[name] for name in ("expected", "received", "action")}
        raise InputError(result["what"], **fields)
    if result.get("kind") == DISK:
        raise InputError(
            f"the disk of {Path(specification.folder).parent} is full",
            expected="room for all rows; the earlier output stays until the new rows are complete",
            received=result["message"],
            action="free space, or write to another disk with --output; nothing was published",
        )
    if code < 0:
        name = signal.Signals(-code).name
        memory = "; out of memory is a frequent cause" if name == "SIGKILL" else ""
        raise AttemptFailedError(f"the job's process was ended by {name}{memory}")
    raise AttemptFailedError(result.get("message") or f"the job's process ended with exit code {code}")


def _new_log() -> str:
    descriptor, path = tempfile.mkstemp(prefix="recommender-score-", suffix=".log")
    os.close(descriptor)
    return path
