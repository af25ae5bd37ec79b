"""A file as a relation of DuckDB: its columns by name, and SQL that yields its rows in the file's order."""

from __future__ import annotations

import csv
import dataclasses
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from components.errors import InputError
from components.ingestion.reading import dialect as dialects
from components.ingestion.reading.dialect import Dialect
from components.ingestion.reading.paths import PARQUET, TEXT, Files, filesystem, is_remote, open_bytes
from components.ingestion.reading.unpacked import NATIVE, head_of, packing, unpack

TEXT_TYPE = "VARCHAR"
EXTRA = "\x1bmore fields"
"""Name of the column behind the last one of a text file: it has a value where a row has too many fields."""


def identifier(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def id_text(column: str, kind: str, fractional: str = "NULL") -> str:
    """SQL of an id as text; NULL where bytes are no UTF-8.

    Args:
      column: The column in SQL.
      kind: Its DuckDB type. Whole numbers of a floating-point column lose their `.0`.
      fractional: SQL of what a number with a fraction becomes.
    """
    if kind == "BLOB":
        return f"try(decode({column}))"
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        whole = f"try_cast({column} AS HUGEINT)::VARCHAR"
        return f"(CASE WHEN {column} = floor({column}) THEN {whole} ELSE {fractional} END)"
    return column if kind == TEXT_TYPE else f"{column}::VARCHAR"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceTable:
    """One file, ready to be read.

    Attributes:
      path: The file as it was named.
      sql: A relation with the columns `columns`, for text files also EXTRA, in the file's order.
      columns: Names and DuckDB types. Text files have texts alone; headerless ones the names "1", "2", …
      dialect: Of a text file; None for others.
      partitions: Columns that the folders above the file give.
    """

    path: str
    sql: str
    columns: dict[str, str]
    dialect: Dialect | None = None
    partitions: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def headerless(self) -> bool:
        return self.dialect is not None and not self.dialect.has_header

    @property
    def header(self) -> tuple[str, ...]:
        """The names as a person sees them, EXTRA left out."""
        return tuple(name for name in self.columns if name != EXTRA)


class Reader:
    """Opens files as relations of one connection.

    Args:
      connection: DuckDB's.
      scratch: A folder for files that must be unpacked first.
      encoding: Of text files, or AUTO.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, scratch: str, encoding: str = dialects.AUTO) -> None:
        self.connection = connection
        self._scratch = scratch
        self._encoding = encoding
        self._local: dict[str, str] = {}

    def tables(self, files: Files) -> Iterator[SourceTable]:
        """Every file of a table, one after the other."""
        for path, partitions in files:
            yield self.table(path, files.kind, partitions)

    def table(self, path: str, kind: str, partitions: dict[str, str] | None = None) -> SourceTable:
        """One file as a relation.

        Raises:
          InputError: The file cannot be read.
        """
        if is_remote(path):
            self.connection.register_filesystem(filesystem(path))
        if kind == TEXT:
            return self._text(path, partitions or {})
        source = self._unpacked(path)
        reading = f"read_parquet({literal(source)})" if kind == PARQUET else self._json(path, source)
        columns = self._described(path, f"SELECT * FROM {reading}")
        return self._with_partitions(path, f"(SELECT * FROM {reading})", columns, partitions or {})

    def _text(self, path: str, partitions: dict[str, str]) -> SourceTable:
        dialect = dialects.sniff(path, self._encoding)
        names = list(dialect.first) if dialect.has_header else [str(n + 1) for n in range(len(dialect.first))]
        names = [name or f"column {number + 1}" for number, name in enumerate(names)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"{path}: the header names a column twice: {', '.join(twice)}",
                expected="each name once",
                received=", ".join(names),
                action="rename one of the two in the file",
            )
        columns = dict.fromkeys([*names, EXTRA], TEXT_TYPE)
        struct = ", ".join(f"{literal(name)}: '{TEXT_TYPE}'" for name in columns)
        options = [
            "auto_detect = false",
            f"delim = {literal(dialect.delimiter)}",
            f"quote = {literal(chr(34) if dialect.quoted else '')}",
            f"escape = {literal(chr(34) if dialect.quoted else '')}",
            f"skip = {dialect.skipped}",
            f"header = {str(dialect.has_header).lower()}",
            f"encoding = {literal(dialect.encoding)}",
            f"columns = {{{struct}}}",
            "null_padding = true",
            "strict_mode = false",
            "store_rejects = true",
            "rejects_limit = 0",
            f"max_line_size = {16 << 20}",
            f"parallel = {str(not self._breaks_lines(path, dialect)).lower()}",
        ]
        source = self._unpacked(path)
        how = packing(path) if source == path else ""
        options.append(f"compression = {literal(how or 'none')}")
        sql = f"(SELECT * FROM read_csv({literal(source)}, {', '.join(options)}))"
        if dialect.blank_after:
            kept = ", ".join(f"ltrim({identifier(name)}, ' ') AS {identifier(name)}" for name in columns)
            sql = f"(SELECT {kept} FROM {sql})"
        return self._with_partitions(path, sql, columns, partitions, dialect)

    def _breaks_lines(self, path: str, dialect: Dialect) -> bool:
        """Whether quoted fields of the head hold line breaks, which DuckDB pads by one thread alone."""
        if not dialect.quoted:
            return False
        head = head_of(path, dialects.HEAD_BYTES).decode("latin-1")
        return any(line.count('"') % 2 for line in head.splitlines()[:-1])

    def _with_partitions(
        self, path: str, sql: str, columns: dict[str, str], partitions: dict[str, str], dialect: Dialect | None = None
    ) -> SourceTable:
        added = {key: value for key, value in partitions.items() if key not in columns}
        if added:
            values = ", ".join(f"{literal(value)} AS {identifier(key)}" for key, value in added.items())
            sql = f"(SELECT *, {values} FROM {sql})"
        return SourceTable(
            path=path,
            sql=sql,
            columns={**columns, **dict.fromkeys(added, TEXT_TYPE)},
            dialect=dialect,
            partitions=added,
        )

    def _json(self, path: str, source: str) -> str:
        is_array = head_of(path, dialects.HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        reading = f"read_json({literal(source)}, format = '{'array' if is_array else 'newline_delimited'}'"
        columns = self._described(path, f"SELECT * FROM {reading}, sample_size = 20000)")
        # Ids that look like numbers or times stay what they are in the file.
        scalars = {name: kind for name, kind in columns.items() if "[" not in kind and not kind.startswith("STRUCT")}
        texts = {name: TEXT_TYPE if name in scalars else "JSON" for name in columns}
        struct = ", ".join(f"{literal(name)}: '{kind}'" for name, kind in texts.items())
        return f"{reading}, columns = {{{struct}}})"

    def _described(self, path: str, query: str) -> dict[str, str]:
        try:
            return {name: str(kind) for name, kind, *_ in self.connection.execute(f"DESCRIBE {query}").fetchall()}
        except duckdb.Error as error:
            raise unreadable(path, error) from None

    def _unpacked(self, path: str) -> str:
        """The file itself, or where DuckDB cannot unpack it or read it from afar, an unpacked copy."""
        how = packing(path)
        native = how in NATIVE and (not how or path.lower().endswith((".gz", ".zst", ".csv", ".tsv", ".txt", ".dat")))
        if native or (not how and is_remote(path)):
            return path
        if path not in self._local:
            self._local[path] = str(Path(self._scratch) / f"unpacked-{len(self._local)}")
            unpack(path, self._local[path])
        return self._local[path]


def rejected_lines(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str]]:
    """Lines that DuckDB has refused so far: file, line from 1, reason; each line once."""
    there = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchone()
    if not there or not there[0]:
        return []
    query = """SELECT file_path, line, min(error_message) FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
    GROUP BY ALL ORDER BY ALL"""
    return list(dict.fromkeys(connection.execute(query).fetchall()))


def unreadable(path: str, error: Exception) -> InputError:
    """The error about a file that DuckDB refuses as a whole."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return InputError(
        f"{path} cannot be read",
        expected="a whole file of the kind that its name says",
        received=lines[0] if lines else type(error).__name__,
        action="check the file; it may be damaged or cut off",
    )


def line_of(table: SourceTable, ordinal: int) -> int:
    """The line on which a record of a text file begins; see `lines_of`."""
    return lines_of(table, [ordinal])[0]


def lines_of(table: SourceTable, ordinals: Sequence[int]) -> list[int]:
    """The lines on which records of a text file begin, counted from 1.

    Args:
      table: The file.
      ordinals: Positions among its records, from 0 and rising, the header and blank lines not counted.
    """
    dialect = table.dialect
    if dialect is None:
        return [ordinal + 1 for ordinal in ordinals]
    line, found = dialect.skipped + 1, -int(dialect.has_header)
    lines_found: list[int] = []
    with _opened(table) as file:
        for _ in range(dialect.skipped):
            next(file, None)
        reader = _records(file, dialect)
        for fields, lines in reader:
            if fields:
                if found == ordinals[len(lines_found)]:
                    lines_found.append(line)
                    if len(lines_found) == len(ordinals):
                        return lines_found
                found += 1
            line += lines
    return lines_found + [line] * (len(ordinals) - len(lines_found))


def _opened(table: SourceTable) -> io.TextIOWrapper:
    assert table.dialect is not None
    if packing(table.path):
        with tempfile.TemporaryDirectory() as folder:
            unpack(table.path, f"{folder}/text")
            file = Path(f"{folder}/text").open("rb")  # noqa: SIM115 - the caller closes it; its name may go before
    else:
        file = open_bytes(table.path)
    return io.TextIOWrapper(file, encoding=table.dialect.encoding, errors="replace", newline=None)


def _records(file: Any, dialect: Dialect) -> Iterator[tuple[list[str], int]]:
    """Fields of each record and how many lines it takes."""
    if len(dialect.delimiter) > 1 or not dialect.quoted:
        for line in file:
            text = line.rstrip("\n")
            yield (text.split(dialect.delimiter) if text else []), 1
        return
    csv.field_size_limit(1 << 30)
    reader = csv.reader((line.replace("\0", "\ufffd") for line in file), delimiter=dialect.delimiter)
    before = 0
    for fields in reader:
        yield fields, reader.line_num - before
        before = reader.line_num
