"""Training rows of each item, in a file beside the judged rows: what novelty is measured by.

A Parquet file with one row an item of the catalogue: `item_id` (binary) and `rows` (int64).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from components.examples import Longs, Strings
from components.storage import storage_for

POPULARITY_FILE = "popularity.parquet"

_SCHEMA = pa.schema([("item_id", pa.binary()), ("rows", pa.int64())])


def write_popularity(path: str, item_ids: Strings, rows: Longs) -> None:
    """Writes the file.

    Args:
      path: Where it goes.
      item_ids: bytes `[items]`.
      rows: int64 `[items]`.
    """
    content = pa.BufferOutputStream()
    pq.write_table(pa.table([pa.array(item_ids, pa.binary()), pa.array(rows)], schema=_SCHEMA), content)
    storage_for(path).write(path, [content.getvalue().to_pybytes()])


@functools.lru_cache(maxsize=4)
def read_popularity(path: str) -> Mapping[bytes, int]:
    """Rows of each item; empty where there is no such file, or no path."""
    if not path or not storage_for(path).exists(path):
        return {}
    table = pq.read_table(pa.BufferReader(b"".join(storage_for(path).read(path))))
    return dict(zip(table["item_id"].to_pylist(), table["rows"].to_pylist(), strict=True))
