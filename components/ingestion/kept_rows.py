"""Rows that were read once, kept as Parquet: a run reads only the files that are new, and merges the rest.

What is kept of a file is named by the sha256 of its content and of the query that reads it (columns, times, weights
of events), so a file that has changed, and any other way to read it, is another one. A file with lines that cannot be
read at all is read anew each time, so that they are told of each time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.ingestion import loading
from components.ingestion.config import DataConfig
from components.ingestion.fingerprint import of_files
from components.ingestion.loading import Layout
from components.ingestion.reading.spans import Span, in_words, missing
from components.ingestion.reading.tables import SourceTable, literal, rejected_lines
from components.ingestion.workspace import Workspace
from components.progress import report, warn
from components.storage import LocalStorage, is_local, storage_for

MANIFEST = "spans.json"


class KeptRows:
    """The folder of rows that earlier runs have read.

    Args:
      folder: Local or in an object store; "" = nothing is kept.
      workspace: Reads and writes them.
    """

    def __init__(self, folder: str, workspace: Workspace) -> None:
        self._folder = folder.rstrip("/")
        self._workspace = workspace
        self._used: dict[str, str] = {}
        self._read = 0

    def load(self, path: str, table: SourceTable, layout: Layout, config: DataConfig, part: int) -> None:
        """Appends the rows of a file to `rows`, from what is kept of it or by reading it.

        Raises:
          InputError: The file cannot be read at all.
        """
        connection = self._workspace.connection
        if not self._folder:
            loading.load(connection, table, layout, config, part)
            return
        query = loading.checked(table, layout, config, part).replace(self._workspace.folder, "")
        name = hashlib.sha256(f"{of_files([path])}\n{query}".encode()).hexdigest() + ".parquet"
        self._used[path] = name
        kept = self._fetched(name)
        if kept:
            connection.execute(f"INSERT INTO rows SELECT * FROM read_parquet({literal(kept)})")
            return
        before, broken = _next_row(connection), len(rejected_lines(connection))
        loading.load(connection, table, layout, config, part)
        self._read += 1
        if len(rejected_lines(connection)) == broken:
            self._keep(name, f"SELECT * FROM rows WHERE rowid >= {before}")

    def finish(self, spans: Mapping[Span, Sequence[str]]) -> None:
        """Says what has changed since the last run, and drops what no file of this run needs.

        Args:
          spans: The files of each span that was read; none where there are no spans.
        """
        if not self._folder:
            return
        before = self._manifest()
        if self._used and self._read < len(self._used):
            report("%d of %d files were read by an earlier run", len(self._used) - self._read, len(self._used))
        if spans:
            _tell(before, spans, self._used)
        files = {span.name: {path: self._used[path] for path in paths} for span, paths in spans.items()}
        newest = max(spans).number if spans else None
        storage = storage_for(self._folder)
        for name in set(storage.names(self._folder)) - set(self._used.values()) - {MANIFEST}:
            storage.remove(f"{self._folder}/{name}")
        content = json.dumps({"newest": newest, "spans": files}, indent=1)
        local = Path(self._workspace.folder) / uuid.uuid4().hex
        local.write_text(content, encoding="utf-8")
        self._put(local, MANIFEST)

    def _keep(self, name: str, query: str) -> None:
        local = Path(self._workspace.folder) / uuid.uuid4().hex
        self._workspace.connection.execute(
            f"COPY ({query}) TO {literal(str(local))} (FORMAT parquet, COMPRESSION zstd)"
        )
        self._put(local, name)

    def _fetched(self, name: str) -> str:
        """A local path of what is kept; "" where it is not there."""
        path = f"{self._folder}/{name}"
        storage = storage_for(path)
        if is_local(path) or not storage.exists(path):
            return path if storage.exists(path) else ""
        local = f"{self._workspace.folder}/{name}"
        LocalStorage().write(local, storage.read(path))
        return local

    def _put(self, local: Path, name: str) -> None:
        """Moves a file into the folder, whole or not at all."""
        path = f"{self._folder}/{name}"
        if not is_local(path):
            storage_for(path).write(path, LocalStorage().read(str(local)))
            local.unlink()
            return
        Path(self._folder).mkdir(parents=True, exist_ok=True)
        incoming = Path(self._folder) / f".{uuid.uuid4().hex}"
        shutil.move(local, incoming)
        incoming.replace(path)

    def _manifest(self) -> dict[str, Any]:
        path = self._fetched(MANIFEST)
        return dict(json.loads(Path(path).read_text(encoding="utf-8"))) if path else {}


def _tell(before: Mapping[str, Any], spans: Mapping[Span, Sequence[str]], used: Mapping[str, str]) -> None:
    known, newest = before.get("spans", {}), before.get("newest")
    late, changed = [], []
    for span, paths in sorted(spans.items()):
        if span.name not in known:
            if newest is not None and span.number <= newest:
                late.append(span.name)
        elif known[span.name] != {path: used[path] for path in paths}:
            changed.append(span.name)
    gone = sorted(set(known) - {span.name for span in spans})
    for names, text in (
        (late, "spans that came late are read now: %s"),
        (changed, "spans that have changed since they were read are read anew: %s"),
        (gone, "spans that an earlier run has read are not among those of this run: %s"),
        (missing(sorted(spans)), "spans that are missing between the first and the last: %s"),
    ):
        if names:
            warn(text, in_words(names))


def _next_row(connection: Any) -> int:
    row = connection.execute("SELECT coalesce(max(rowid), -1) + 1 FROM rows").fetchone()
    return int(row[0])
