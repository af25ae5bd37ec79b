"""Whom to score: finds the files of users, checks their headers and cuts them into pieces, before anything is started.

- `.txt`: one user id a line, byte for byte; empty lines are skipped.
- `.csv`, `.tsv`: a header, then one user a row. Columns `user_id` (or `userId`, `user`, …) and perhaps
  `history_item_ids` and `history_ratings`, their entries parted by `|`.
- `.parquet`: the same columns; text or whole numbers, histories as lists. A column `interactions` of whole numbers,
  as in the bundle's own list, says how much the bundle knows of a user: like users are scored together.

Text and CSV may be packed (`users.csv.gz`). Other columns are ignored. A history replaces what the bundle has stored
of the user, oldest item first; `history_ratings` is as long as `history_item_ids` or empty, 0 = not rated.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import dataclasses
import gzip
import lzma
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components.batch_scoring.blocks import HISTORY_ITEM_IDS, HISTORY_RATINGS, USER_ID, WEIGHT
from components.errors import InputError
from components.ingestion.columns import USER, alias_of
from serving.contract import EXTRA_ASSETS, USERS_FILE

ALL = "all"
INTERACTIONS = "interactions"
"""A column of whole numbers in the bundle's list of users: how many interactions it knows of each."""

TEXT, CSV, PARQUET = "text", "csv", "parquet"
KINDS = {".txt": TEXT, ".csv": CSV, ".tsv": CSV, ".parquet": PARQUET, ".pq": PARQUET}
PACKED: Mapping[str, Callable[[Any], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""How lines are unpacked, by the ending behind theirs. Beam would do it, too, and not notice that a file is cut off."""
DELIMITERS = (",", "\t", ";")
CHUNK = 1 << 22
PIECE_BYTES = 1 << 23
"""Size at which a file of lines is cut, that workers share it."""
QUOTE = b'"'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of the input that one worker reads: a file, some lines of it, or a row group of a Parquet file.

    Attributes:
      path: The file.
      file: Its number among the files of the input.
      kind: `text`, `csv` or `parquet`.
      columns: By role (`user_id`, …) the name of the column that plays it.
      delimiter: What parts the fields of a CSV file.
      row_group: Which row group; -1 = the whole file.
      header: Columns of a CSV file whose header is in another piece; none where it is in this one.
      start: Where the lines begin, in bytes.
      end: Where they end; -1 = with the file.
      first_row: Rows of the file before this piece; of text and CSV lines, the header included.
      rows: Rows of the piece; of text and CSV the number of lines, which may be a few more.
    """

    path: str
    file: int
    kind: str
    columns: dict[str, str] = dataclasses.field(default_factory=dict)
    delimiter: str = ","
    row_group: int = -1
    header: tuple[str, ...] = ()
    start: int = 0
    end: int = -1
    first_row: int = 0
    rows: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserFiles:
    """The input of a job.

    Attributes:
      paths: Its files, in order; a position names a file by its number.
      pieces: All of them.
      exact: Whether the pieces' `rows` are exact, so that a row lost in reading would be noticed.
    """

    paths: Sequence[str]
    pieces: Sequence[Piece]
    exact: bool

    @property
    def rows(self) -> int:
        """Rows of all pieces."""
        return sum(piece.rows for piece in self.pieces)


def find_users(users: str, model: str) -> UserFiles:
    """Finds the input.

    Args:
      users: `all`, a file, a folder of files, or a pattern such as `users-*.csv`.
      model: The bundle, which knows who `all` are.

    Raises:
      InputError: No such file, an unknown kind, a file that cannot be read, or a header without a user.
    """
    if users == ALL:
        path = _users_of(model)
        return UserFiles(paths=[path], pieces=list(_pieces(path, 0)), exact=True)
    paths = _matched(users)
    pieces = [piece for file, path in enumerate(paths) for piece in _pieces(path, file)]
    if not sum(piece.rows for piece in pieces):
        raise InputError(
            "there is no user to score", expected="at least one row", received=users, action="give a file with users"
        )
    return UserFiles(paths=paths, pieces=pieces, exact=all(piece.kind == PARQUET for piece in pieces))


def refuse_histories(users: UserFiles) -> None:
    """Raises an InputError where users come with histories, which the first stage alone does not take."""
    for piece in users.pieces:
        if HISTORY_ITEM_IDS in piece.columns:
            raise InputError(
                "--retrieve-only uses stored histories only",
                expected="users without histories",
                received=f"the column {piece.columns[HISTORY_ITEM_IDS]} in {piece.path}",
                action="leave out --retrieve-only, or the column",
            )


def _users_of(model: str) -> str:
    path = f"{model.rstrip('/')}/{EXTRA_ASSETS}/{USERS_FILE}"
    if not FileSystems.exists(path):
        raise InputError(
            f"the bundle {model} does not list its users",
            expected=f"{EXTRA_ASSETS}/{USERS_FILE} in it",
            received="a bundle that was made before there were such lists",
            action="train and push it again with recommender run, or name the users: --users FILE",
        )
    return path


def _matched(users: str) -> list[str]:
    patterns = [users]
    if not _suffix(users):
        patterns = [f"{users.rstrip('/')}/*{suffix}{packed}" for suffix in KINDS for packed in ("", *PACKED)]
    paths = sorted(
        metadata.path
        for pattern in patterns
        for match in FileSystems.match([pattern])
        for metadata in match.metadata_list
        if _suffix(metadata.path)
    )
    if not paths:
        kinds = ", ".join(KINDS)
        raise InputError(
            f"no file of users: {users}",
            expected=f"`all`, a file that ends in {kinds} (or, packed, in .csv.gz), a folder of such files, "
            "or a pattern like users-*.csv",
            received=users,
            action="correct the path in --users",
        )
    return paths


def _suffix(path: str) -> str:
    """The ending that tells the kind, without that of packed lines; "" where there is none."""
    bare = _bare(path)
    suffix = next((suffix for suffix in KINDS if bare.endswith(suffix)), "")
    return "" if bare != path.lower() and KINDS.get(suffix) == PARQUET else suffix


@contextlib.contextmanager
def open_lines(path: str) -> Iterator[Any]:
    """A file of lines as bytes, unpacked where it is packed."""
    unpack = next((PACKED[packed] for packed in PACKED if path.lower().endswith(packed)), None)
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        if unpack is None:
            yield stream
        else:
            with unpack(stream) as unpacked:
                yield unpacked


def _bare(path: str) -> str:
    """The path in small letters, without what says that it is packed."""
    path = path.lower()
    return next((path.removesuffix(packed) for packed in PACKED if path.endswith(packed)), path)


def _pieces(path: str, file: int) -> Iterable[Piece]:
    kind = KINDS[_suffix(path)]
    try:
        if kind == PARQUET:
            return _parquet_pieces(path, file)
        if kind == CSV:
            return _csv_pieces(path, file)
        return _line_pieces(Piece(path=path, file=file, kind=TEXT), quoted=False)
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: Exception) -> InputError:
    """The error about a file that cannot be opened or is damaged."""
    return InputError(
        f"{path} cannot be read",
        expected="a complete file that this user may read, here and on every worker",
        received=(str(error).splitlines() or [type(error).__name__])[0],
        action="write or copy it again, or correct its permissions; nothing was written",
    )


def _parquet_pieces(path: str, file: int) -> list[Piece]:
    with FileSystems.open(path) as stream:
        metadata = pq.ParquetFile(stream).metadata
        schema = metadata.schema.to_arrow_schema()
        columns = _columns(path, schema.names)
        if INTERACTIONS in schema.names and pa.types.is_integer(schema.field(INTERACTIONS).type):
            columns[WEIGHT] = INTERACTIONS
        _check_types(path, schema, columns)
        rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    return [
        Piece(
            path=path,
            file=file,
            kind=PARQUET,
            columns=columns,
            row_group=number,
            first_row=sum(rows[:number]),
            rows=count,
        )
        for number, count in enumerate(rows)
        if count
    ]


def _check_types(path: str, schema: Any, columns: dict[str, str]) -> None:
    for role, name in columns.items():
        if role == WEIGHT:
            continue
        kind = schema.field(name).type
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        if is_list != (role != USER_ID) or (role == USER_ID and pa.types.is_floating(kind)):
            raise InputError(
                f"{path}: the column {name} holds {kind}",
                expected={USER_ID: "text or whole numbers", HISTORY_ITEM_IDS: "lists of text or of whole numbers"}.get(
                    role, "lists of numbers"
                ),
                received=str(kind),
                action="convert the column (a column of whole numbers with gaps becomes floating point in pandas)",
            )


def _csv_pieces(path: str, file: int) -> list[Piece]:
    with open_lines(path) as stream:
        line = stream.readline().decode("utf-8-sig", "replace").rstrip("\r\n")
    delimiter = max(DELIMITERS, key=line.count)
    header = next(csv.reader([line], delimiter=delimiter), [])
    columns = _columns(path, header)
    whole = Piece(path=path, file=file, kind=CSV, columns=columns, delimiter=delimiter)
    first, *others = _line_pieces(whole, quoted=True)
    first = dataclasses.replace(first, rows=max(0, first.rows - 1))
    return [first, *(dataclasses.replace(piece, header=tuple(header)) for piece in others)]


def _line_pieces(piece: Piece, *, quoted: bool) -> list[Piece]:
    """A whole file of lines, cut at ends of lines into pieces of some PIECE_BYTES; a packed one stays whole.

    Args:
      piece: The file.
      quoted: Whether fields may be quoted: a file with a quotation mark stays whole, for a field may hold line breaks.
    """
    starts, before = [0], [0]  # of each piece: its first byte, and lines before it
    read, lines, last, may_cut = 0, 0, b"\n", _bare(piece.path) == piece.path.lower()
    with open_lines(piece.path) as stream:
        while chunk := stream.read(CHUNK):
            may_cut = may_cut and not (quoted and QUOTE in chunk)
            lines, last, end = lines + chunk.count(b"\n"), chunk[-1:], read + chunk.rfind(b"\n") + 1
            if may_cut and end > read and end - starts[-1] >= PIECE_BYTES:
                starts.append(end)
                before.append(lines)
            read += len(chunk)
    lines += last != b"\n"
    if not may_cut:
        starts, before = [0], [0]
    elif len(starts) > 1 and starts[-1] == read:
        del starts[-1], before[-1]
    parts = zip(starts, [*starts[1:], -1], before, [*before[1:], lines], strict=True)
    return [
        dataclasses.replace(piece, start=start, end=end, first_row=first, rows=after - first)
        for start, end, first, after in parts
    ]


def _columns(path: str, header: Sequence[str]) -> dict[str, str]:
    lowered = [name.strip().lower() for name in header]
    found = {role: header[lowered.index(role)] for role in (HISTORY_ITEM_IDS, HISTORY_RATINGS) if role in lowered}
    user = alias_of(header, USER)
    if user is None:
        raise InputError(
            f"{path}, row 1 (the header): no column for the user",
            expected=f"a column {USER_ID}, and perhaps {HISTORY_ITEM_IDS} and {HISTORY_RATINGS}",
            received=", ".join(header) or "an empty line",
            action="name the column user_id; a file with just one id per line must end in .txt",
        )
    return {USER_ID: user, **found}


def place(position: int, paths: Sequence[str]) -> str:
    """A position in words: file and row."""
    file, row = divmod(position, ROWS_OF_A_FILE)
    name = paths[file] if file < len(paths) else "the input"
    return f"{name}, row {row}"


ROWS_OF_A_FILE = 1 << 40
"""Positions are `file * ROWS_OF_A_FILE + row`; rows count the lines of text and CSV (header included) from 1."""
