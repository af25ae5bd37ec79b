"""A CSV file of answers that is whole or not there: nobody ever reads half of one."""

from __future__ import annotations

import csv
import types
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.errors import InputError
from pipelines.local_run.run_folder import require_folder


class AnswerFile:
    """Writes rows beside `path` and moves them there when the `with` block ends without an error.

    Ids are written byte for byte, in quotation marks where CSV asks for them.

    Args:
      path: The file; an old one stays until the new one is whole. Its folder is made.
      header: Names of the columns.

    Raises:
      InputError: The path is a folder, or its folder cannot be written.
    """

    def __init__(self, path: str | Path, header: Sequence[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        if self.path.is_dir():
            raise InputError(
                f"the output {self.path} is a folder",
                expected="the path of a file",
                received=str(path),
                action=f"name a file in it, for instance --output {Path(path) / 'answers.csv'}",
            )
        self._incoming = require_folder(self.path.parent) / f".{self.path.name}.{uuid.uuid4().hex}"
        self._header = header
        self.rows = 0

    def __enter__(self) -> AnswerFile:
        self._file = self._incoming.open("w", encoding="utf-8", newline="")  # closed in __exit__
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(self._header)
        return self

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Appends rows."""
        rows = list(rows)
        self._writer.writerows(rows)
        self.rows += len(rows)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if kind is None:
                self._incoming.replace(self.path)
        finally:
            self._incoming.unlink(missing_ok=True)
