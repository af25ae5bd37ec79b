"""A run's folder: where its files lie, whether it can be used, and that only one run uses it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from components.errors import InputError


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    Attributes:
      path: The folder, absolute.
    """

    path: Path

    @property
    def artifacts(self) -> Path:
        """What the stages write, `<Component>/<output>/<execution>/`."""
        return self.path / "artifacts"

    @property
    def kept_rows(self) -> Path:
        """Rows that were read, by span (components/ingestion/kept_rows.py)."""
        return self.path / "kept_rows"

    @property
    def metadata(self) -> Path:
        """TFX's record of executions and artifacts."""
        return self.path / "metadata.sqlite"

    @property
    def pushed_model(self) -> Path:
        """One folder a pushed version; what serving reads."""
        return self.path / "pushed_model"

    @property
    def summary(self) -> Path:
        """What machines read."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """What people read."""
        return self.path / "report.html"

    @property
    def library_log(self) -> Path:
        """What the libraries wrote during the last run."""
        return self.path / "library.log"

    @property
    def error_log(self) -> Path:
        """The whole traceback of the last run's failure."""
        return self.path / "error.log"

    @property
    def lock(self) -> Path:
        """Locked by the run that uses the folder; holds its process id."""
        return self.path / ".lock"


def prepare(output: str | Path) -> RunFolder:
    """Makes the folder of a run; raises what `require_folder` raises."""
    return RunFolder(require_folder(output))


def require_folder(output: str | Path) -> Path:
    """Makes a folder and checks that files can be written into it; returns its absolute path.

    Raises:
      InputError: The path is a file, or the folder cannot be made or written.
    """
    path = Path(output).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"the output folder {path} cannot be made: a file is in the way",
            expected="a folder, or a path where one can be made",
            received=str(output),
            action="choose another folder with --output",
        ) from None
    except OSError as error:
        raise InputError(
            f"the output folder {path} cannot be written: {error.strerror}",
            expected="a folder in which you may write, on a disk with room",
            received=str(output),
            action="choose another folder with --output, or change its permissions",
        ) from None
    return path


@contextlib.contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Holds the folder for this process; the operating system lets go when the process ends, however it ends.

    Raises:
      InputError: Another process holds it.
    """
    with folder.lock.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise InputError(
                f"another run is using the folder {folder.path}",
                expected="one run per folder at a time",
                received=f"a second run while process {holder} is at work",
                action="wait until it has ended, or give this run a folder of its own with --output",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def name_of(folder: RunFolder) -> str:
    """Eight hexadecimal digits that are the folder's on this host: what its jobs are called by at an engine."""
    return hashlib.sha256(f"{socket.gethostname()}:{folder.path}".encode()).hexdigest()[:8]
