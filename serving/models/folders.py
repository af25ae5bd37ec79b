"""What lies in a model's folder: numbered versions, and whether one is there as a whole.

A version may be copied into its place file by file while we look. It counts as complete when the
graph and all parts of the variables are there and nothing in the folder has changed for a moment.
"""

from __future__ import annotations

import dataclasses
import os
import re
import time
from pathlib import Path

from serving.contract import SAVED_MODEL_FILE

_SHARD = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")
_GRAPHS = (SAVED_MODEL_FILE, "saved_model.pbtxt")


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """Names, sizes and times of a version's files; a changed one means that somebody writes.

    Attributes:
      files: Relative path, size and time of every file.
      newest: Latest change, in seconds of the clock.
    """

    files: frozenset[tuple[str, int, int]]
    newest: float


def version_folders(base_path: Path) -> dict[int, Path]:
    """The numbered folders under the base path.

    Raises:
      OSError: The base path is not there or cannot be read.
    """
    found: dict[int, Path] = {}
    with os.scandir(base_path) as entries:
        for entry in entries:
            if entry.name.isascii() and entry.name.isdigit() and int(entry.name) < 1 << 63 and entry.is_dir():
                found[int(entry.name)] = base_path / entry.name
    return found


def fingerprint(folder: Path) -> Fingerprint | None:
    """The state of a version's files; None while they are disappearing."""
    files = set()
    newest = 0.0
    try:
        for root, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(root, name)  # noqa: PTH118 - os.walk gives texts
                facts = os.stat(path)  # noqa: PTH116
                files.add((os.path.relpath(path, folder), facts.st_size, facts.st_mtime_ns))
                # A copy may keep the original's mtime; the ctime tells when it was written here.
                newest = max(newest, facts.st_mtime, facts.st_ctime)
    except OSError:
        return None
    return Fingerprint(frozenset(files), newest)


def has_all_files(state: Fingerprint) -> bool:
    """Whether the graph is there, and the index and every part of the variables."""
    names = {name for name, _, _ in state.files}
    if not any(graph in names for graph in _GRAPHS):
        return False
    variables = {name.partition("/")[2] for name in names if name.startswith("variables/")}
    if not variables:
        return True  # a graph without variables; a copy that has not come to them yet is caught by its changes
    parts = [match for match in map(_SHARD.fullmatch, variables) if match]
    return "variables.index" in variables and bool(parts) and len(parts) == int(parts[0].group(2))


class VersionWatch:
    """Looks at one version again and again until it is complete.

    Args:
      folder: The version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._since = time.monotonic()
        self.state: Fingerprint | None = None

    def changed(self) -> bool:
        """Takes a new look; whether anything differs from the last one."""
        state = fingerprint(self._folder)
        if state == self.state:
            return False
        self.state = state
        self._since = time.monotonic()
        return True

    def is_complete(self, settle_seconds: float) -> bool:
        """Whether the version of the last look is there as a whole and has been left alone for so long."""
        if self.state is None or not has_all_files(self.state):
            return False
        untouched = max(time.time() - self.state.newest, time.monotonic() - self._since)
        return untouched >= settle_seconds
