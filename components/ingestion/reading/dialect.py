"""How a text file is written, told from its first lines: encoding, delimiter, quotation marks, comments, header."""

from __future__ import annotations

import codecs
import collections
import csv
import dataclasses
import re

from components.errors import InputError
from components.ingestion.reading.unpacked import head_of

HEAD_BYTES = 1 << 18
_MOST_LINES = 200

DELIMITERS = ("::", "\t", ";", "|", ",", " ")
"""What may part fields; of those that part all lines alike, the one that makes the most fields is meant."""

UTF_8, UTF_16, LATIN_1 = ENCODINGS = ("utf-8", "utf-16", "latin-1")
AUTO = "auto"

_VALUE = re.compile(r"\s*(?:[-+]?[\d.,:/ T-]*\d[\d.,:/ TZ+-]*|true|false|nan|null|none)?\s*", re.IGNORECASE | re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a text file is written.

    Attributes:
      encoding: UTF_8, UTF_16 or LATIN_1.
      delimiter: What parts fields.
      quoted: Whether fields may stand in "quotation marks".
      skipped: Lines before the first row: comments and blank lines.
      first: Fields of the first row, which is the header where there is one.
      has_header: Whether the first row names the columns.
      blank_after: Whether a blank follows every delimiter, as in `u1, i1, 4.5`; such blanks belong to no field.
    """

    encoding: str
    delimiter: str
    quoted: bool
    skipped: int
    first: tuple[str, ...]
    has_header: bool
    blank_after: bool


def sniff(path: str, encoding: str = AUTO) -> Dialect:
    """Looks at the head of a text file.

    Args:
      path: The file, packed or not.
      encoding: One of ENCODINGS, or AUTO: by a byte order mark, by its zero bytes, else UTF-8.

    Raises:
      InputError: An empty file, or one whose first bytes are no text.
    """
    head = head_of(path, HEAD_BYTES)
    if encoding == AUTO:
        encoding = _encoding(head)
    lines = _lines(path, head, encoding)
    skipped = 0
    while skipped < len(lines) and (not lines[skipped].strip() or lines[skipped].lstrip().startswith("#")):
        skipped += 1
    rows = [line for line in lines[skipped:] if line.strip()][:_MOST_LINES]
    if not rows:
        raise InputError(
            f"{path} is empty",
            expected="a header such as userId,movieId,rating,timestamp and rows below it",
            action="give a file with data",
        )
    delimiter = _delimiter(rows)
    quoted = delimiter != "::"
    fields = [split(row, delimiter, quoted) for row in rows]
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        quoted=quoted,
        skipped=skipped,
        first=tuple(field.strip() for field in fields[0]),
        has_header=_has_header(fields),
        blank_after=delimiter not in (" ", "\t") and _blank_after(rows, delimiter),
    )


def split(line: str, delimiter: str, quoted: bool) -> list[str]:
    """Fields of one line."""
    if len(delimiter) > 1:
        return line.split(delimiter)
    if not quoted:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF_16
    zeros = head[:1000].count(0)
    return UTF_16 if zeros > len(head[:1000]) // 3 else UTF_8


def _lines(path: str, head: bytes, encoding: str) -> list[str]:
    whole = len(head) < HEAD_BYTES
    if encoding == UTF_16 and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16-be" if head[:2].startswith(b"\0") else "utf-16-le"
    text = head.decode(encoding, errors="replace" if encoding == UTF_8 else "ignore").removeprefix("\ufeff")
    if len(head) and sum(character < " " and character not in "\t\r\n\f" for character in text[:4_000]) > 40:
        raise InputError(
            f"{path} is not a text file",
            expected="CSV or other delimited text, Parquet or JSON lines",
            received=f"a file that begins with {head[:12]!r}",
            action="convert the file",
        )
    lines = re.split(r"\r\n|\n|\r", text)
    return lines if whole else lines[:-1] or lines


def _delimiter(rows: list[str]) -> str:
    """The delimiter that parts the lines alike, the first line among them; of several the one with most fields."""
    best, most = ",", 1
    for delimiter in DELIMITERS:
        counts = [len(split(row, delimiter, delimiter != "::")) for row in rows]
        usual, times = collections.Counter(counts[1:] or counts).most_common(1)[0]
        alike = times >= 0.8 * max(1, len(counts) - 1) and usual - 1 <= counts[0] <= usual + 1
        if alike and usual > most:
            best, most = delimiter, usual
    return best


def _has_header(fields: list[list[str]]) -> bool:
    """Whether the first row holds names: none of it is a number or a date, while a column below is all of these."""
    first, below = fields[0], fields[1:]
    if any(_VALUE.fullmatch(field) and field.strip() for field in first):
        return False
    if not below:
        return True
    columns = [[row[number] for row in below if number < len(row)] for number in range(len(first))]
    if any(column and all(_VALUE.fullmatch(field) for field in column) for column in columns):
        return True
    # Text throughout: names are rarely said again in the rows.
    return not any(first[number] in columns[number] for number in range(len(first)))


def _blank_after(rows: list[str], delimiter: str) -> bool:
    parted = [row for row in rows if delimiter in row]
    return bool(parted) and all(row.count(delimiter + " ") == row.count(delimiter) for row in parted)
