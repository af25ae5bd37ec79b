"""Reads a piece of the input into blocks of users, and says of every record that cannot be scored why."""

from __future__ import annotations

import dataclasses
import lzma
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from components.batch_scoring.blocks import HISTORY_ITEM_IDS, HISTORY_RATINGS, USER_ID, USERS_SCHEMA, WEIGHT, Rejected
from components.batch_scoring.user_files import CHUNK, CSV, ROWS_OF_A_FILE, TEXT, Piece, open_lines, unreadable

ROWS_AT_ONCE = 1 << 16
LONGEST_HISTORY = 10_000
LIST_SEPARATOR = "|"

Rows = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Records:
    """Some records of a piece.

    Attributes:
      users: Record batch of `USERS_SCHEMA`: those that can be scored.
      rejected: Those that cannot.
    """

    users: Any
    rejected: list[Rejected]


def read_piece(piece: Piece) -> Iterator[Records]:
    """All records of a piece, in order.

    Raises:
      InputError: The file cannot be opened, or is damaged.
    """
    readers = {TEXT: _text, CSV: _csv}
    try:
        yield from readers.get(piece.kind, _parquet)(piece)
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowException) as error:
        raise unreadable(piece.path, error) from error


def _text(piece: Piece) -> Iterator[Records]:
    row, rest = piece.first_row + 1, b""
    with open_lines(piece.path) as file:
        stream = _Part(file, piece)
        while chunk := stream.read(CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from _lines(piece, lines, row)
            row += len(lines)
    yield from _lines(piece, [rest] if rest else [], row)


def _lines(piece: Piece, lines: list[bytes], first: int) -> Iterator[Records]:
    for start in range(0, len(lines), ROWS_AT_ONCE):
        some = [line.removesuffix(b"\r") for line in lines[start : start + ROWS_AT_ONCE]]
        ids = pa.array(some, pa.binary())
        filled = np.array([bool(line) for line in some])
        rows = np.arange(first + start, first + start + len(some))
        yield _checked(piece, ids.filter(pa.array(filled)), rows[filled])


def _csv(piece: Piece) -> Iterator[Records]:
    wrong: list[Rejected] = []
    names = list(piece.columns.values())

    def wrong_width(row: Any) -> str:
        reason = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        number = piece.first_row + row.number
        wrong.append(Rejected(position=_position(piece, number), user_id="", reason=reason))
        skipped.append(number)
        return "skip"

    skipped: list[int] = []
    next_row = piece.first_row + 1 + (not piece.header)  # a header is a row, too
    with open_lines(piece.path) as file:
        for batch in _open_csv(file, piece, names, wrong_width):
            rows = _row_numbers(next_row, batch.num_rows, skipped)
            next_row = int(rows[-1]) + 1 if len(rows) else next_row
            ids = batch.column(names.index(piece.columns[USER_ID]))
            items, ratings, faults = _split_lists(piece, batch, names)
            faults.update(
                dict.fromkeys(_swallowed(ids), "the user id has a line break: is a quotation mark not closed?")
            )
            records = _checked(piece, ids, rows, items=items, ratings=ratings, faults=faults)
            yield dataclasses.replace(records, rejected=[*records.rejected, *wrong])
            wrong.clear()
    if wrong:
        yield Records(users=_empty(), rejected=list(wrong))


def _open_csv(file: Any, piece: Piece, names: Sequence[str], wrong_width: Callable[[Any], str]) -> Any:
    """Record batches of the columns `names`, in bytes; rows of another width than the header go to `wrong_width`."""
    return pa.csv.open_csv(
        pa.PythonFile(_Part(file, piece), mode="r"),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=CHUNK, column_names=list(piece.header) or None),
        parse_options=pa.csv.ParseOptions(
            delimiter=piece.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,  # or rows could not be numbered; they have an empty user id
            invalid_row_handler=wrong_width,
        ),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, pa.binary()), check_utf8=False
        ),
    )


class _Part:
    """The bytes of a piece of a file, as a stream that is read once.

    Args:
      stream: Of the whole file.
      piece: From where to where.
    """

    closed = False

    def __init__(self, stream: Any, piece: Piece) -> None:
        self._stream = stream
        self._left = math.inf if piece.end < 0 else piece.end - piece.start
        if piece.start:
            stream.seek(piece.start)

    def read(self, size: int = CHUNK) -> bytes:
        """At most `size` bytes; none at the end."""
        content = bytes(self._stream.read(int(min(size, self._left))))
        self._left -= len(content)
        return content

    def close(self) -> None:
        """Whoever has opened the file closes it."""


def _swallowed(ids: Any) -> list[int]:
    """Rows whose id goes over several lines, as it does where the quotation marks do not come in pairs."""
    rows: list[int] = np.flatnonzero(pc.match_substring(ids, "\n").fill_null(False)).tolist()
    return rows


def _row_numbers(first: int, count: int, skipped: list[int]) -> Rows:
    """Numbers of the next `count` rows that were not skipped."""
    candidates = np.arange(first, first + count + len(skipped))
    return candidates[~np.isin(candidates, skipped)][:count]


def _split_lists(piece: Piece, batch: Any, names: list[str]) -> tuple[Any, Any, dict[int, str]]:
    """Histories and ratings of a CSV block as lists, and rows whose ratings are no numbers."""
    items, ratings = (
        _split(batch.column(names.index(piece.columns[role]))) if role in piece.columns else None
        for role in (HISTORY_ITEM_IDS, HISTORY_RATINGS)
    )
    if ratings is None:
        return items, None, {}
    try:
        return items, ratings.cast(pa.list_(pa.string())).cast(pa.list_(pa.float32())), {}
    except pa.ArrowInvalid:
        numbers, faults = [], {}
        for row, texts in enumerate(ratings.to_pylist()):
            try:
                numbers.append(None if texts is None else [float(text) for text in texts])
            except ValueError:
                numbers.append(None)
                faults[row] = f"a rating of the history is not a number: {shown(b'|'.join(texts)[:80])}"
        return items, pa.array(numbers, pa.list_(pa.float32())), faults


def _split(column: Any) -> Any:
    column = pc.if_else(pc.equal(column, b""), None, column)
    return pc.split_pattern(column, LIST_SEPARATOR)


def _parquet(piece: Piece) -> Iterator[Records]:
    names = list(piece.columns.values())
    row = piece.first_row + 1
    with FileSystems.open(piece.path) as stream:
        file = pq.ParquetFile(stream)
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, row_groups=[piece.row_group], columns=names):
            column = {role: batch.column(batch.schema.get_field_index(name)) for role, name in piece.columns.items()}
            yield _checked(
                piece,
                _as_binary(column[USER_ID]),
                np.arange(row, row + batch.num_rows),
                items=_as_binary_lists(column.get(HISTORY_ITEM_IDS)),
                ratings=column[HISTORY_RATINGS].cast(pa.list_(pa.float32())) if HISTORY_RATINGS in column else None,
                weights=column.get(WEIGHT),
            )
            row += batch.num_rows


def _as_binary(array: Any) -> Any:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if not (pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)):
        array = array.cast(pa.string())
    return array.cast(pa.binary())


def _as_binary_lists(array: Any) -> Any:
    if array is None:
        return None
    array = array.cast(pa.list_(array.type.value_type))
    values = _as_binary(array.flatten())
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return _lists(lengths, values)


def _checked(
    piece: Piece,
    ids: Any,
    rows: Rows,
    *,
    items: Any = None,
    ratings: Any = None,
    weights: Any = None,
    faults: dict[int, str] | None = None,
) -> Records:
    """Parts records into those that can be scored and those that cannot."""
    faults = {**_id_faults(ids), **(faults or {})}
    lengths, rated = _lengths(items, len(ids)), _lengths(ratings, len(ids))
    for row in np.flatnonzero((rated != 0) & (rated != lengths)):
        faults.setdefault(int(row), f"{rated[row]} ratings for a history of {lengths[row]} items")
    for row in np.flatnonzero(lengths > LONGEST_HISTORY):
        faults.setdefault(int(row), f"a history of {lengths[row]:,} items; at most {LONGEST_HISTORY:,} are taken")
    if ratings is not None:
        stars = ratings.flatten().fill_null(0.0).to_numpy(zero_copy_only=False)
        owner = np.repeat(np.arange(len(ids)), rated)
        for row in np.unique(owner[~((stars >= 0) & np.isfinite(stars))]):
            faults.setdefault(int(row), "a rating of the history is negative or not finite")
    users = pa.RecordBatch.from_arrays(
        [
            ids,
            pa.array(piece.file * ROWS_OF_A_FILE + rows, pa.int64()),
            pa.array(lengths, pa.int32()) if weights is None else weights.cast(pa.int32()).fill_null(0),
            _lists(lengths, items.flatten().fill_null(b"")) if items is not None else pa.nulls(len(ids), _ITEMS),
            _lists(lengths, _filled_ratings(lengths, rated, ratings))
            if items is not None
            else pa.nulls(len(ids), _STARS),
        ],
        schema=USERS_SCHEMA,
    )
    if not faults:
        return Records(users=users, rejected=[])
    kept = np.ones(len(ids), bool)
    kept[list(faults)] = False
    rejected = [
        Rejected(position=_position(piece, int(rows[row])), user_id=shown(ids[row].as_py()), reason=reason)
        for row, reason in sorted(faults.items())
    ]
    return Records(users=pc.filter(users, pa.array(kept)), rejected=rejected)


_ITEMS, _STARS = USERS_SCHEMA.field(HISTORY_ITEM_IDS).type, USERS_SCHEMA.field(HISTORY_RATINGS).type


def _id_faults(ids: Any) -> dict[int, str]:
    empty = pc.fill_null(pc.equal(pc.binary_length(ids), 0), True).to_numpy(zero_copy_only=False)
    faults = dict.fromkeys(np.flatnonzero(empty).tolist(), "empty user id")
    try:
        ids.cast(pa.string())  # checks UTF-8
    except pa.ArrowInvalid:
        for row, value in enumerate(ids.to_pylist()):
            try:
                (value or b"").decode()
            except UnicodeDecodeError:
                faults[row] = "the user id is not UTF-8 text"
    return faults


def shown(user_id: bytes | None) -> str:
    """The id as text; what is not UTF-8 as escapes."""
    return (user_id or b"").decode("utf-8", "backslashreplace")


def _lengths(lists: Any, count: int) -> Rows:
    if lists is None:
        return np.zeros(count, np.int64)
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0), np.int64)


def _lists(lengths: Rows, values: Any) -> Any:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _filled_ratings(lengths: Rows, rated: Rows, ratings: Any) -> Any:
    """Ratings for every item of every history: 0 where a row gives none (or gives too many and is rejected)."""
    stars = np.zeros(int(lengths.sum()), np.float32)
    if ratings is not None:
        fits = rated == lengths
        given = ratings.flatten().fill_null(0.0).to_numpy(zero_copy_only=False)
        stars[np.repeat(fits, lengths)] = given[np.repeat(fits, rated)]
    return pa.array(stars)


def _position(piece: Piece, row: int) -> int:
    return piece.file * ROWS_OF_A_FILE + row


def _empty() -> Any:
    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in USERS_SCHEMA.types], schema=USERS_SCHEMA)
