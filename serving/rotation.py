"""Files that change while the server runs: tokens and certificates, read again without a restart.

Kubernetes replaces a mounted secret by moving a link, others write in place: either way the file's facts change.
A file that cannot be taken, such as a key without its new certificate, leaves what was there and is tried again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from serving.errors import InvalidRequestError, ServingError

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0

_Facts = tuple[tuple[int, int, int] | None, ...]


def read_tokens(path: Path) -> tuple[str, ...]:
    """The tokens of a file, one a line.

    Raises:
      InvalidRequestError: It cannot be read, or holds none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"the tokens in {path} cannot be read: {error}") from None
    tokens = tuple(line.strip() for line in lines if line.strip())
    if not tokens:
        raise InvalidRequestError(
            f"{path} holds no token. Expected: one token a line. What to do: write one, or leave the option out"
        )
    return tokens


class Rotation:
    """Reads files at once, and again whenever they have changed."""

    def __init__(self) -> None:
        self._followed: list[tuple[tuple[Path, ...], Callable[[], None], list[_Facts]]] = []
        self._stopped = threading.Event()

    def follow(self, paths: Path | Sequence[Path], read: Callable[[], None]) -> None:
        """Reads now, and follows the files from `start` on.

        Args:
          paths: The files; several are read together.
          read: Reads them and takes what they hold.

        Raises:
          ServingError: They cannot be taken.
        """
        files = (paths,) if isinstance(paths, Path) else tuple(paths)
        facts = _facts(files)
        read()
        self._followed.append((files, read, [facts]))

    def start(self) -> None:
        """Begins to look."""
        if self._followed:
            threading.Thread(target=self._follow, name="rotation", daemon=True).start()

    def stop(self) -> None:
        """Ends looking."""
        self._stopped.set()

    def _follow(self) -> None:
        while not self._stopped.wait(POLL_SECONDS):
            for files, read, known in self._followed:
                facts = _facts(files)
                if facts == known[0]:
                    continue
                names = ", ".join(map(str, files))
                try:
                    read()
                except ServingError as error:
                    logger.error("%s changed and cannot be taken, what was there stays: %s", names, error)
                    continue
                known[0] = facts
                logger.info("%s changed and is taken", names)


def _facts(files: Sequence[Path]) -> _Facts:
    found: list[tuple[int, int, int] | None] = []
    for path in files:
        try:
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)
