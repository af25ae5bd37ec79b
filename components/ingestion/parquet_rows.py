"""Reads Parquet files: interactions in blocks of arrays, and the catalogue.

Row numbers count the rows from 1; a Parquet file has no header row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.errors import InputError
from components.ingestion.blocks import BLOCK_ROWS, NO_GENRES, Block, Coded, Movies, split_genres
from components.ingestion.columns import GENRES, ITEM, RATING, TIMESTAMP, TITLE, USER, Columns
from components.ingestion.row_rules import RowRules, check_movie, is_usable_id


def read_header(path: str) -> tuple[str, ...]:
    """The column names of a Parquet file.

    Raises:
      InputError: The file is no Parquet, or a damaged one.
    """
    return tuple(_open(path).schema_arrow.names)


def interaction_blocks(path: str, columns: Columns, rules: RowRules) -> Iterator[Block]:
    """Interactions of a Parquet file in file order.

    Raises:
      InputError: A row that breaks a rule, a column of an impossible type, a damaged file, or no row at all.
    """
    roles = [USER, ITEM]
    roles += [RATING] if rules.has_ratings else []
    roles += [TIMESTAMP] if rules.has_timestamps else []
    first = 1
    for batch in _batches(path, [columns.name(role) for role in roles]):
        arrays = {role: batch.column(columns.name(role)) for role in roles}
        block = _as_block(path, arrays, rules)
        if block is None:
            raise _first_fault(path, first, arrays, rules)
        yield block
        first += len(block)
    if first == 1:
        raise InputError(f"{path} has no rows", expected="at least one interaction", action="add rows")


def read_movies(path: str, columns: Columns) -> Movies:
    """The catalogue of a Parquet file; genres are lists of text, or one text parted by `|`.

    Raises:
      InputError: An empty id, an id that occurs twice, a damaged file, or no row at all.
    """
    movies = Movies()
    first_rows: dict[bytes, int] = {}
    roles = [role for role in (ITEM, TITLE, GENRES) if role in columns]
    for batch in _batches(path, [columns.name(role) for role in roles]):
        arrays = {role: batch.column(columns.name(role)) for role in roles}
        ids = _texts(path, ITEM, arrays[ITEM]).to_pylist()
        titles = _texts(path, TITLE, arrays[TITLE]).to_pylist() if TITLE in arrays else [None] * len(ids)
        genres = arrays[GENRES].to_pylist() if GENRES in arrays else [None] * len(ids)
        for movie_id, title, movie_genres in zip(ids, titles, genres, strict=True):
            row = len(movies) + 1
            check_movie(f"{path}, row {row}", movie_id, title, first_rows)
            first_rows[movie_id] = row
            movies.add(movie_id, title or movie_id, _genres(movie_genres))
    if not len(movies):
        raise InputError(f"{path} has no rows", expected="at least one movie", action="add rows")
    return movies


def _open(path: str) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


def _batches(path: str, names: list[str]) -> Iterator[Any]:
    try:
        yield from _open(path).iter_batches(batch_size=BLOCK_ROWS, columns=names)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


def _damaged(path: str, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as Parquet",
        expected="a complete Parquet file",
        received=str(error).splitlines()[0],
        action="write or copy the file again",
    )


def _as_block(path: str, arrays: dict[str, Any], rules: RowRules) -> Block | None:
    """The block, or None where a row breaks a rule."""
    rows = len(arrays[USER])
    users, movies = _coded(_texts(path, USER, arrays[USER])), _coded(_texts(path, ITEM, arrays[ITEM]))
    ratings = _numbers(arrays[RATING], pa.float32()) if rules.has_ratings else np.ones(rows, np.float32)
    timestamps = _seconds(arrays[TIMESTAMP]) if rules.has_timestamps else np.zeros(rows, np.int64)
    if users is None or movies is None or ratings is None or timestamps is None:
        return None
    low, high = np.float32(rules.rating_min), np.float32(rules.rating_max)
    if rules.has_ratings and not bool(np.all((ratings >= low) & (ratings <= high))):
        return None
    return Block(users=users, movies=movies, ratings=ratings, timestamps=timestamps)


def _texts(path: str, role: str, array: Any) -> Any:
    """An array of bytes: text as it is, whole numbers in digits."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_floating(kind) or pa.types.is_nested(kind):
        raise InputError(
            f"{path}: the column of the {role} holds {kind}",
            expected="text or whole numbers",
            action="convert the column (a column of whole numbers with gaps becomes floating point in pandas)",
        )
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return array.cast(pa.large_binary())
    return array.cast(pa.large_string()).cast(pa.large_binary())


def _coded(texts: Any) -> Coded | None:
    if texts.null_count:
        return None
    encoded = texts.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    if not all(map(is_usable_id, values)):
        return None
    return Coded(values=values, codes=encoded.indices.to_numpy().astype(np.int32))


def _numbers(array: Any, kind: Any) -> Any:
    try:
        return None if array.null_count else array.cast(kind).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        return None


def _seconds(array: Any) -> Any:
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(array.type):
        array = pc.cast(array, pa.timestamp("s", array.type.tz), safe=False)
    return _numbers(array, pa.int64())


def _genres(value: Any) -> list[bytes]:
    if value is None:
        return []
    if isinstance(value, (str, bytes)):
        return split_genres(value if isinstance(value, str) else value.decode())
    return [genre.encode() for genre in value if genre and genre != NO_GENRES]


def _first_fault(path: str, first: int, arrays: dict[str, Any], rules: RowRules) -> InputError:
    columns = {role: [_as_text(value) for value in array.to_pylist()] for role, array in arrays.items()}
    for position in range(len(arrays[USER])):
        try:
            rules.check(f"{path}, row {first + position}", {role: texts[position] for role, texts in columns.items()})
        except InputError as error:
            return error
    return InputError(f"{path}, rows from {first}: a value cannot be used", action="check the types of the columns")


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if hasattr(value, "timestamp"):
        return str(int(value.timestamp()))
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)
