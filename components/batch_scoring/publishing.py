"""Where the output goes: refused or replaced when it is there already, and published by one rename.

A local output appears, or is replaced, in one step: a reader finds the old rows or the new ones, whole.
An object store (`gs://…`) has no such rename; there the files are moved one by one, `_SUCCESS` or the
file of rows last.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import json
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

from components.errors import InputError

SUFFIXES = (".parquet", ".jsonl", ".csv")
SUCCESS = "_SUCCESS"
ROWS, READY, SUMMARY, REJECTED = "rows", "ready", "summary.json", "rejected.jsonl"
STALE_SECONDS = 24 * 60 * 60
"""Age at which the folder of an attempt counts as left behind: by age and not by process, others may share the disk."""

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Destination:
    """An output and what lies beside it.

    Attributes:
      output: The file of rows; with several shards a folder of that name.
      shards: Number of files.
      overwrite: Whether an output that is there is replaced.
    """

    output: str
    shards: int = 1
    overwrite: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the output lies on this machine or on a mounted volume."""
        return "://" not in self.output

    @property
    def suffix(self) -> str:
        """Format of the rows."""
        return Path(self.output).suffix.lower()

    @property
    def summary(self) -> str:
        """Counts of the job, for machines."""
        return f"{self.output}/_{SUMMARY}" if self.shards > 1 else f"{self.output}.{SUMMARY}"

    @property
    def rejected(self) -> str:
        """Records that could not be scored, with the reason; absent where there was none."""
        return f"{self.output}/_{REJECTED}" if self.shards > 1 else f"{self.output}.{REJECTED}"

    def attempt_folder(self) -> str:
        """A folder for one attempt, on the same disk, so that a rename publishes."""
        parent, _, name = self.output.rstrip("/").rpartition("/")
        return f"{parent}/.{name}.attempt-{uuid.uuid4().hex}"


def prepare(destination: Destination) -> None:
    """Checks the destination and makes the folder that it lies in.

    Raises:
      InputError: It exists and is not to be replaced, is no earlier output, of an unknown kind, or cannot be written.
    """
    if destination.suffix not in SUFFIXES:
        raise InputError(
            f"the output {destination.output} is of an unknown kind",
            expected="a name that ends in " + ", ".join(SUFFIXES),
            received=destination.suffix or "a name without an ending",
            action="write for instance --output scores.parquet",
        )
    if not destination.is_local:
        _refuse_remote(destination)
        return
    output = Path(destination.output)
    _refuse_existing(destination, output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        probe = Path(destination.attempt_folder())
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise InputError(
            f"the output {output} cannot be written: {error.strerror}",
            expected="a path in a folder in which you may write",
            received=str(output),
            action="choose another --output, or change the folder's permissions",
        ) from None
    _remove_stale(output)


def _refuse_existing(destination: Destination, output: Path) -> None:
    if not (output.exists() or output.is_symlink()):
        return
    if not destination.overwrite:
        raise InputError(
            f"the output {output} exists already",
            expected="a path where nothing is",
            received=str(output),
            action="choose another --output, or replace it with --overwrite",
        )
    if output.is_dir() and not (output / SUCCESS).is_file() and any(output.iterdir()):
        raise InputError(
            f"{output} is a folder, and not one that batch scoring has written",
            expected=f"an output with {SUCCESS} in it, or a file",
            received="a folder that holds " + ", ".join(sorted(path.name for path in output.iterdir())[:5]),
            action="choose another --output; what is in this folder would be lost",
        )


def publish(destination: Destination, folder: str) -> None:
    """Moves what is ready in an attempt's folder to the destination.

    Raises:
      InputError: The output has appeared in the meantime.
      OSError: The file system refuses.
    """
    if not destination.is_local:
        _publish_remote(destination, folder)
    elif destination.shards > 1:
        _publish_folder(destination, Path(folder, READY))
    else:
        _publish_file(destination, Path(folder, READY))


def discard(folder: str) -> None:
    """Deletes the folder of an attempt; what a late worker still writes into it has no place to go."""
    if "://" not in folder:
        shutil.rmtree(folder, ignore_errors=True)
        return
    from apache_beam.io.filesystems import FileSystems

    with contextlib.suppress(Exception):  # it is out of the way whether or not it can be deleted
        FileSystems.delete([folder])


def read_summary(folder: str) -> dict[str, Any]:
    """The counts of an attempt that is ready."""
    path = f"{folder}/{READY}/{SUMMARY}"
    if "://" not in path:
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    from apache_beam.io.filesystems import FileSystems

    with FileSystems.open(path) as file:
        return dict(json.loads(file.read()))


def _publish_file(destination: Destination, ready: Path) -> None:
    """What lies beside the rows goes first: where the rows are, everything is."""
    output = Path(destination.output)
    rows = ready / f"{ROWS}{destination.suffix}"
    if not destination.overwrite:
        _refuse_existing(destination, output)
    (ready / SUMMARY).replace(destination.summary)
    if (ready / REJECTED).exists():
        (ready / REJECTED).replace(destination.rejected)
    else:
        Path(destination.rejected).unlink(missing_ok=True)
    if destination.overwrite:
        _replace(rows, output)
    else:
        _move_to_free_place(destination, rows, output)


def _publish_folder(destination: Destination, ready: Path) -> None:
    output = Path(destination.output)
    rows = ready / f"{ROWS}{destination.suffix}"
    (ready / SUMMARY).replace(rows / f"_{SUMMARY}")
    if (ready / REJECTED).exists():
        (ready / REJECTED).replace(rows / f"_{REJECTED}")
    (rows / SUCCESS).touch()
    if destination.overwrite:
        _replace(rows, output)
        return
    try:
        rows.rename(output)  # onto a folder that holds something, or a file, it fails
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            _refuse_existing(destination, output)
        raise


def _move_to_free_place(destination: Destination, rows: Path, output: Path) -> None:
    try:
        output.hardlink_to(rows)  # unlike a rename it never replaces
    except FileExistsError:
        _refuse_existing(destination, output)
        raise
    except OSError:  # a file system without hard links
        _refuse_existing(destination, output)
        rows.rename(output)


def _replace(new: Path, output: Path) -> None:
    """Puts `new` in the place of `output` in one step, whichever of them are folders."""
    if not output.is_dir() and not new.is_dir():
        new.replace(output)
        return
    if not output.exists():
        new.rename(output)
        return
    if not _exchange(new, output):
        # A file system that cannot exchange: for a moment nothing is there, and never half of something.
        aside = new.with_name(f"{new.name}.old")
        output.rename(aside)
        new.rename(output)


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two paths atomically; False where kernel or file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _remove_stale(output: Path) -> None:
    oldest_kept = time.time() - STALE_SECONDS
    for folder in output.parent.glob(f".{output.name}.attempt-*"):
        with contextlib.suppress(FileNotFoundError):
            newest = max([folder.stat().st_mtime, *(path.stat().st_mtime for path in folder.glob("*"))])
            if newest < oldest_kept:
                shutil.rmtree(folder, ignore_errors=True)


def _refuse_remote(destination: Destination) -> None:
    from apache_beam.io.filesystems import FileSystems

    try:
        exists = FileSystems.exists(_last_written(destination))
    except Exception as error:  # each file system has errors of its own
        raise InputError(
            f"the output {destination.output} cannot be looked at: {error}",
            expected="an address that Beam opens, with valid credentials",
            received=destination.output,
            action="install Beam's extra for it (apache-beam[gcp] for gs://), or write into a mounted volume",
        ) from error
    if exists and not destination.overwrite:
        raise InputError(
            f"the output {destination.output} exists already",
            expected="an address where nothing is",
            received=destination.output,
            action="choose another --output, or replace it with --overwrite",
        )


def _last_written(destination: Destination) -> str:
    return f"{destination.output}/{SUCCESS}" if destination.shards > 1 else destination.output


def _publish_remote(destination: Destination, folder: str) -> None:
    from apache_beam.io.filesystems import FileSystems

    _refuse_remote(destination)
    rows = f"{folder}/{READY}/{ROWS}{destination.suffix}"
    for path in {_last_written(destination), destination.output, destination.rejected}:
        if FileSystems.exists(path):
            FileSystems.delete([path])
    moves = [(f"{folder}/{READY}/{SUMMARY}", destination.summary)]
    if FileSystems.exists(f"{folder}/{READY}/{REJECTED}"):
        moves.append((f"{folder}/{READY}/{REJECTED}", destination.rejected))
    if destination.shards > 1:
        (match,) = FileSystems.match([f"{rows}/*"])
        moves += [(one.path, f"{destination.output}/{one.path.rsplit('/', 1)[1]}") for one in match.metadata_list]
    else:
        moves.append((rows, destination.output))
    for source, target in moves:
        FileSystems.rename([source], [target])
    if destination.shards > 1:
        with FileSystems.create(_last_written(destination), "application/octet-stream"):
            pass
