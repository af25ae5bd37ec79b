"""A DuckDB of its own for reading and sorting one source: bounded in memory, on the disk where that is not enough."""

from __future__ import annotations

import shutil
import tempfile
import types
from pathlib import Path

import duckdb

from components.ingestion.reading.dialect import AUTO
from components.ingestion.reading.tables import Reader


class Workspace:
    """A connection and a folder beside it; both go when the `with` block ends.

    Args:
      memory_limit: Most memory that DuckDB takes, such as 1500MB.
      encoding: Of text files.

    Attributes:
      connection: DuckDB's; rows keep the order of their files, and times without a zone are UTC.
      reader: Opens files for it.
    """

    def __init__(self, memory_limit: str, encoding: str = AUTO) -> None:
        self._folder = tempfile.mkdtemp(prefix="recommender-ingestion-")
        self.connection = duckdb.connect(
            ":memory:",  # spills what is above the limit; a database file would be compressed at twice the cost
            config={"memory_limit": memory_limit, "temp_directory": str(Path(self._folder) / "spilled")},
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")
        self.reader = Reader(self.connection, self._folder, encoding)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def folder(self) -> str:
        """A folder for whatever must lie on the disk meanwhile."""
        return self._folder
