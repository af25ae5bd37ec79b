"""One attempt in this process: `python -m components.batch_scoring.job SPECIFICATION RESULT`.

`watching` starts it as a child: a job that crashes, hangs or eats the memory takes nobody else along.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from components.batch_scoring.publishing import discard
from components.beam import engines
from components.errors import InputError

INPUT, DISK, FAILURE = "input", "disk", "failure"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Specification:
    """What one attempt is to do, as a child process is told.

    Attributes:
      model: The bundle's folder.
      version: Its name in the rows.
      users: `all`, a file, a folder or a pattern.
      n: Items a user.
      retrieve_only: Whether the first stage alone is asked.
      folder: The attempt's folder.
      suffix: Format of the rows.
      shards: Number of output files.
      block_users: Users of a block; 0 = as many as suit the bundle.
      beam_arguments: Beam's own options.
    """

    model: str
    version: str
    users: str
    n: int
    retrieve_only: bool
    folder: str
    suffix: str
    shards: int
    block_users: int
    beam_arguments: Sequence[str]


def run_attempt(
    specification: Specification,
    make_pipeline: Callable[[], Any] | None = None,
    known: Callable[[int], None] = lambda users: None,
) -> dict[str, Any]:
    """Runs the job, waits for its end and makes its output ready in the attempt's folder.

    Args:
      specification: What to do.
      make_pipeline: Makes the Beam pipeline; by default from `beam_arguments`.
      known: Is told the number of records once it is known.

    Returns:
      The summary.

    Raises:
      InputError: The input cannot be used.
      RuntimeError: The job failed, or its output is not whole.
    """
    import apache_beam as beam

    from components.batch_scoring.bundle_facts import block_users, read_facts
    from components.batch_scoring.model_handler import ListQuestion
    from components.batch_scoring.pipeline import Job, ScoreIntoFiles
    from components.batch_scoring.settling import facts_of, settle, sync
    from components.batch_scoring.user_files import find_users, refuse_histories

    start = time.monotonic()
    facts = read_facts(specification.model)
    users = find_users(specification.users, specification.model)
    if specification.retrieve_only:
        refuse_histories(users)
    known(users.rows)
    job = Job(
        question=ListQuestion(
            model=specification.model,
            version=specification.version,
            n=specification.n,
            retrieve_only=specification.retrieve_only,
        ),
        users=users,
        folder=specification.folder,
        suffix=specification.suffix,
        shards=specification.shards,
        block_users=specification.block_users or block_users(facts),
    )
    make_folders(specification.folder)
    pipeline = (make_pipeline or (lambda: beam.Pipeline(argv=list(specification.beam_arguments))))()
    pipeline | "Score into files" >> ScoreIntoFiles(job)  # type: ignore[operator]
    wait(pipeline.run())
    summary = settle(job, facts_of(job, engines.name(specification.beam_arguments), time.monotonic() - start))
    if "://" not in specification.folder:
        sync(Path(specification.folder, "ready"))
    return summary


def make_folders(folder: str) -> None:
    """Makes the folders that workers write into; object stores need none."""
    if "://" in folder:
        return
    from components.batch_scoring.progress_files import FOLDER
    from components.batch_scoring.writing import PARTS

    for name in (FOLDER, PARTS):
        Path(folder, name).mkdir(parents=True, exist_ok=True)


def wait(result: Any) -> None:
    """Waits for the end of a job, and cancels it where this process is told to stop.

    Raises:
      RuntimeError: The job ended in another state than DONE.
    """
    from apache_beam.runners.runner import PipelineState

    try:
        state = result.wait_until_finish()
    except KeyboardInterrupt:
        result.cancel()
        raise
    if state != PipelineState.DONE:
        raise RuntimeError(f"the engine says that the job is {state}")


# ---- the child process -----------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Runs an attempt and writes what came of it as JSON; the process's streams are the log."""
    specification_file, result_file = arguments
    signal.signal(signal.SIGTERM, _stop)
    specification = Specification(**json.loads(Path(specification_file).read_text(encoding="utf-8")))
    threading.Thread(target=_end_with_parent, args=(specification,), daemon=True).start()
    _write(result_file, {})
    try:
        total = Path(f"{result_file}.users")
        summary = run_attempt(specification, known=lambda users: _write(total, users))
        _write(result_file, {"summary": summary})
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        traceback.print_exc()
        _write(result_file, describe(error, specification.beam_arguments))
        return 1


def describe(error: BaseException, arguments: Sequence[str] = ()) -> dict[str, str]:
    """What went wrong, for the parent: an InputError whole, a full disk as such, anything else in a line."""
    found = _input_error(error)
    if found:
        return {"kind": INPUT, **found}
    if _is_disk_full(error):
        return {"kind": DISK, "message": os.strerror(errno.ENOSPC)}
    return {"kind": FAILURE, "message": engines.told(error, arguments)}


FIELDS = {"expected": "expected", "received": "received", "what to do": "action"}
_INPUT_ERROR = re.compile(
    rf"{InputError.__module__}\.{InputError.__name__}: (?P<what>.+)(?P<rest>(?:\n  (?:{'|'.join(FIELDS)}): .*)*)"
)


def _input_error(error: BaseException) -> dict[str, str]:
    """The InputError among an error and its causes, or in its text: portable engines send a worker's traceback."""
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, InputError) and one.what:
            return {"what": one.what, "expected": one.expected, "received": one.received, "action": one.action}
        one = one.__cause__ or one.__context__
    match = _INPUT_ERROR.search(str(error).replace("\\n", "\n"))
    if not match:
        return {}
    fields = {"what": match["what"], "expected": "", "received": "", "action": ""}
    for line in match["rest"].splitlines():
        name, colon, value = line.strip().partition(": ")
        if colon:
            fields[FIELDS[name]] = value
    return fields


def _is_disk_full(error: BaseException) -> bool:
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, OSError) and one.errno == errno.ENOSPC:
            return True
        one = one.__cause__ or one.__context__
    return os.strerror(errno.ENOSPC) in str(error)


def _write(path: str | Path, content: Any) -> None:
    incoming = Path(f"{path}.incoming")
    incoming.write_text(json.dumps(content), encoding="utf-8")
    incoming.replace(path)


def _end_with_parent(specification: Specification) -> None:
    """The parent holds the other end of stdin: when it dies, however it dies, the job and all of this group go too."""
    sys.stdin.buffer.read()
    engines.end(specification.beam_arguments)
    discard(specification.folder)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # an engine that this process has started, such as Beam's job server, is in it
    os._exit(1)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Some engines leave threads behind that never end.
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
