"""Reads CSV files: interactions in blocks by tf.data, the catalogue row by row.

A block is parsed and checked as a whole in C++. A block that breaks a rule is read once more, line
by line, to name the row. Row numbers count the file's lines from 1, the header included.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.errors import InputError
from components.ingestion.blocks import BLOCK_ROWS, Block, Movies, coded, split_genres
from components.ingestion.columns import GENRES, ITEM, RATING, TIMESTAMP, TITLE, USER, Columns
from components.ingestion.row_rules import NUMBER, WHOLE_NUMBER, RowRules, check_movie, is_usable_id

DELIMITERS = (",", "\t", ";")


def read_header(path: str) -> tuple[tuple[str, ...], str]:
    """The column names of a CSV file, and the character that parts them.

    Raises:
      InputError: An empty file, or one that is not UTF-8 text.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            line = file.readline()
    except tf.errors.OpError as error:
        raise InputError(f"{path} cannot be read", received=str(error.message), action="check the file") from None
    text = _decoded(line, path, 1).removeprefix("\ufeff").rstrip("\r\n")
    if not text.strip():
        raise InputError(
            f"{path} is empty",
            expected="a header such as userId,movieId,rating,timestamp and rows below it",
            action="give a file with data",
        )
    delimiter = max(DELIMITERS, key=text.count)
    return tuple(next(csv.reader([text], delimiter=delimiter))), delimiter


def interaction_blocks(path: str, columns: Columns, delimiter: str, rules: RowRules) -> Iterator[Block]:
    """Interactions of a CSV file in file order.

    Raises:
      InputError: A row that breaks a rule, or no row at all.
    """
    parse = _block_parser(columns, delimiter, rules)
    lines = tf.data.TextLineDataset(path).skip(1).batch(BLOCK_ROWS)
    dataset = iter(lines.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2))
    empty = True
    for number in itertools.count():
        try:
            values = next(dataset, None)
        except (tf.errors.InvalidArgumentError, tf.errors.DataLossError) as error:
            raise _first_fault(path, number, columns, delimiter, rules, str(error.message)) from None
        if values is None:
            break
        block = _as_block(values)
        if not _is_sound(block, values, rules):
            raise _first_fault(path, number, columns, delimiter, rules, "a value cannot be used")
        empty = empty and not len(block)
        if len(block):
            yield block
    if empty:
        raise InputError(f"{path} has a header and no rows", expected="at least one interaction", action="add rows")


def read_movies(path: str, columns: Columns, delimiter: str) -> Movies:
    """The catalogue of a CSV file, in file order.

    Raises:
      InputError: A row with too few or too many fields, an empty id, an id that occurs twice, or no row at all.
    """
    movies = Movies()
    first_rows: dict[bytes, int] = {}
    for row, fields in records(path, delimiter):
        if len(fields) != len(columns.header):
            raise wrong_width(path, row, columns.header, len(fields))
        movie_id = fields[columns.positions[ITEM]].encode()
        title = fields[columns.positions[TITLE]].encode() if TITLE in columns else b""
        check_movie(f"{path}, row {row}", movie_id, title, first_rows)
        first_rows[movie_id] = row
        genres = split_genres(fields[columns.positions[GENRES]]) if GENRES in columns else []
        movies.add(movie_id, title or movie_id, genres)
    if not len(movies):
        raise InputError(f"{path} has a header and no rows", expected="at least one movie", action="add rows")
    return movies


def _block_parser(columns: Columns, delimiter: str, rules: RowRules) -> Any:
    def parse(lines: Any) -> tuple[Any, ...]:
        lines = tf.boolean_mask(lines, tf.strings.length(lines) > 0)
        fields = tf.io.decode_csv(lines, [[""]] * len(columns.header), field_delim=delimiter)
        users, user_codes = tf.unique(fields[columns.positions[USER]])
        movies, movie_codes = tf.unique(fields[columns.positions[ITEM]])
        ratings, ratings_good = tf.ones(tf.shape(lines)), tf.constant(True)
        timestamps, timestamps_good = tf.zeros(tf.shape(lines), tf.int64), tf.constant(True)
        if rules.has_ratings:
            ratings, ratings_good = _ratings(fields[columns.positions[RATING]])
        if rules.has_timestamps:
            timestamps, timestamps_good = _timestamps(fields[columns.positions[TIMESTAMP]])
        ids_good = tf.reduce_all(users != "") & tf.reduce_all(movies != "")
        good = ids_good & ratings_good & timestamps_good
        return users, user_codes, movies, movie_codes, ratings, timestamps, good

    return parse


def _ratings(texts: Any) -> tuple[Any, Any]:
    """Stars and whether all of them are numbers; few are distinct, so each text is parsed once."""
    distinct, codes = tf.unique(texts)
    good = tf.strings.regex_full_match(distinct, NUMBER)
    numbers = tf.strings.to_number(tf.where(good, distinct, "0"))
    return tf.gather(numbers, codes), tf.reduce_all(good)


def _timestamps(texts: Any) -> tuple[Any, Any]:
    good = tf.strings.regex_full_match(texts, WHOLE_NUMBER)
    return tf.strings.to_number(tf.where(good, texts, "0"), tf.int64), tf.reduce_all(good)


def _as_block(values: tuple[Any, ...]) -> Block:
    users, user_codes, movies, movie_codes, ratings, timestamps, _ = values
    return Block(
        users=coded(users, user_codes),
        movies=coded(movies, movie_codes),
        ratings=ratings.numpy(),
        timestamps=timestamps.numpy(),
    )


def _is_sound(block: Block, values: tuple[Any, ...], rules: RowRules) -> bool:
    if not bool(values[-1].numpy()):
        return False
    if rules.has_ratings and len(block):
        low, high = np.float32(rules.rating_min), np.float32(rules.rating_max)
        if block.ratings.min() < low or block.ratings.max() > high:
            return False
    return all(map(is_usable_id, block.users.values)) and all(map(is_usable_id, block.movies.values))


def _first_fault(path: str, block: int, columns: Columns, delimiter: str, rules: RowRules, reason: str) -> InputError:
    """Reads the lines of the block again, one by one, and says what is wrong with the first bad one."""
    first = 2 + block * BLOCK_ROWS
    with tf.io.gfile.GFile(path, "rb") as file:
        for row, line in enumerate(itertools.islice(file, first - 1, first - 1 + BLOCK_ROWS), start=first):
            try:
                _check_line(path, row, line, columns, delimiter, rules)
            except InputError as error:
                return error
    return InputError(
        f"{path}, rows {first} to {first + BLOCK_ROWS - 1}: not readable as CSV ({reason})",
        action="write the file again as plain CSV in UTF-8",
    )


def _check_line(path: str, row: int, line: bytes, columns: Columns, delimiter: str, rules: RowRules) -> None:
    text = _decoded(line, path, row).replace("\r", "").removesuffix("\n")
    if not text:
        return
    if text.count('"') % 2:
        raise InputError(
            f"{path}, row {row}: a quotation mark is not closed",
            expected="each row on one line; a quotation mark inside a quoted field is written twice",
            received=repr(text[:80]),
            action="correct the row",
        )
    try:
        fields = next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise _not_csv(path, row, error) from None
    if len(fields) != len(columns.header):
        raise wrong_width(path, row, columns.header, len(fields))
    rules.check(f"{path}, row {row}", {role: fields[position] for role, position in columns.positions.items()})
    if '"' in text:
        _check_quotes(path, row, text, columns, delimiter)


def _check_quotes(path: str, row: int, text: str, columns: Columns, delimiter: str) -> None:
    try:
        tf.io.decode_csv([text], [[""]] * len(columns.header), field_delim=delimiter)
    except tf.errors.InvalidArgumentError:
        raise InputError(
            f"{path}, row {row}: a quotation mark inside a field that is not quoted",
            expected='a field with quotation marks stands in them itself, with each one doubled: "a ""b"" c"',
            received=repr(text[:80]),
            action="correct the row",
        ) from None


def records(path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Row number and fields of each record below the header; quoted fields may hold line breaks.

    Raises:
      InputError: Text that is not UTF-8 or not CSV.
    """
    with tf.io.gfile.GFile(path, "rb") as file:
        lines = (_decoded(line, path, row) for row, line in enumerate(file, start=1))
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        row = 1
        try:
            for fields in reader:
                if fields and row > 1:
                    yield row, fields
                row = reader.line_num + 1
        except csv.Error as error:
            raise _not_csv(path, row, error) from None


def _not_csv(path: str, row: int, error: csv.Error) -> InputError:
    return InputError(
        f"{path}, row {row}: not readable as CSV",
        expected="fields parted by the delimiter; quotation marks opened and closed",
        received=str(error),
        action="correct the row",
    )


def _decoded(line: bytes, path: str, row: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, row {row}: not UTF-8 text",
            expected="UTF-8",
            received=f"byte 0x{line[error.start]:02x} at position {error.start + 1}",
            action="save the file as UTF-8, for instance: iconv -f ISO-8859-1 -t UTF-8 OLD > NEW",
        ) from None


def wrong_width(path: str, row: int, header: Sequence[str], found: int) -> InputError:
    """The error about a row that has not as many fields as the header."""
    return InputError(
        f"{path}, row {row}: wrong number of fields",
        expected=f"{len(header)} ({', '.join(header)})",
        received=str(found),
        action='correct the row; a field that holds the delimiter must stand in "quotation marks"',
    )
