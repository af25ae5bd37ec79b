"""The files that rows are written into: Parquet, JSON lines and CSV, block by block."""

from __future__ import annotations

import json
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

ROWS_OF_A_GROUP = 1 << 16
"""Rows of a Parquet row group; as many may wait in memory for every open file."""


class RowFile(Protocol):
    """An open file of rows."""

    def write(self, rows: Any) -> None:
        """Appends a record batch."""

    def close(self) -> None:
        """Writes what is missing; the stream stays open."""


class ParquetFile:
    """Rows as Parquet, compressed by zstd.

    Args:
      stream: An open binary file.
      schema: Of the rows.
    """

    def __init__(self, stream: Any, schema: Any) -> None:
        # Hardly any score occurs twice: a dictionary of them would cost time and room.
        repeated = [field.name for field in schema if not pa.types.is_floating(field.type)]
        self._writer = pq.ParquetWriter(stream, schema, compression="zstd", use_dictionary=repeated)
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, rows: Any) -> None:
        self._waiting.append(rows)
        self._rows += rows.num_rows
        if self._rows >= ROWS_OF_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_batches(self._waiting).combine_chunks())
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()


class CsvFile:
    """Rows as CSV in UTF-8 with a header; texts stand in quotation marks, numbers do not.

    Args:
      stream: An open binary file.
      schema: Of the rows.
    """

    def __init__(self, stream: Any, schema: Any) -> None:
        stream.write((",".join(schema.names) + "\n").encode())
        self._writer = pa.csv.CSVWriter(stream, schema, write_options=pa.csv.WriteOptions(include_header=False))

    def write(self, rows: Any) -> None:
        self._writer.write_batch(rows)

    def close(self) -> None:
        self._writer.close()


class JsonLinesFile:
    """Rows as JSON objects, one a line, in UTF-8.

    Args:
      stream: An open binary file.
      schema: Of the rows.
    """

    def __init__(self, stream: Any, schema: Any) -> None:
        self._stream = stream
        self._schema = schema

    def write(self, rows: Any) -> None:
        pieces: list[Any] = []
        for number, field in enumerate(self._schema):
            pieces += [("{" if number == 0 else ", ") + json.dumps(field.name) + ": ", _as_json(rows.column(number))]
        lines = pc.binary_join_element_wise(*pieces, "}\n", "").cast(pa.large_string())
        self._stream.write(memoryview(lines.buffers()[2])[_span(lines)] if len(lines) else b"")

    def close(self) -> None:
        """Nothing is missing."""


def _as_json(values: Any) -> Any:
    """A column as JSON texts; a text that occurs often is escaped once."""
    if not pa.types.is_string(values.type):
        return values.cast(pa.string())
    encoded = values.dictionary_encode()
    escaped = [json.dumps(text, ensure_ascii=False) for text in encoded.dictionary.to_pylist()]
    return pa.array(escaped, pa.string()).take(encoded.indices)


def _span(texts: Any) -> slice:
    """The place of a large_string array's characters in its buffer."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)
    return slice(int(offsets[texts.offset]), int(offsets[texts.offset + len(texts)]))


FORMATS: dict[str, Any] = {".parquet": ParquetFile, ".jsonl": JsonLinesFile, ".csv": CsvFile}
