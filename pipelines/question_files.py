"""Files of questions: whom to recommend to, which pairs of user and item to rate."""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.ingestion.columns import ITEM, USER, alias_of
from components.ingestion.reading.paths import find_files
from components.ingestion.reading.tables import EXTRA, SourceTable, identifier, line_of, rejected_lines
from components.ingestion.workspace import Workspace
from components.rates import RateReporter

MEMORY = "500MB"
BLOCK_ROWS = 10_000

EXAMPLES = {USER: "userId", ITEM: "movieId"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
    """Distinct pairs of user and item, in the order in which a file first has them.

    Attributes:
      users: Distinct user ids.
      items: Distinct item ids.
      user_codes: int32 positions in `users`, `[pairs]`.
      item_codes: int32 positions in `items`, `[pairs]`.
    """

    users: list[str]
    items: list[str]
    user_codes: npt.NDArray[np.int32]
    item_codes: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.user_codes)


def read_pairs(path: str) -> Pairs:
    """The distinct pairs of the columns `user` and `item` (or `userId` and `movieId`).

    Raises:
      InputError: A column is missing, there is no row, or a row cannot be used.
    """
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    user_codes, item_codes = array.array("i"), array.array("i")
    for user, item in _columns(path, (USER, ITEM)):
        user_codes.append(users.setdefault(user, len(users)))
        item_codes.append(items.setdefault(item, len(items)))
    codes = np.array(user_codes, np.int32), np.array(item_codes, np.int32)
    _, first = np.unique(codes[0].astype(np.int64) * len(items) + codes[1], return_index=True)
    first.sort()
    return Pairs(users=list(users), items=list(items), user_codes=codes[0][first], item_codes=codes[1][first])


def _columns(path: str, roles: Sequence[str]) -> Iterator[list[str]]:
    """The values of some roles, row by row."""
    progress = RateReporter(f"reading {path}")
    rows = 0
    with Workspace(MEMORY) as workspace:
        files = find_files(path, "the file of questions")
        for table in workspace.reader.tables(files) if files else ():
            names = [_named(table, role) for role in roles]
            extra = [identifier(EXTRA)] if EXTRA in table.columns else []
            chosen = ", ".join([*(f"{identifier(name)}::VARCHAR" for name in names), *extra])
            found = workspace.connection.execute(f"SELECT {chosen} FROM {table.sql}")
            first = 0
            while block := found.fetchmany(BLOCK_ROWS):
                for place, fields in enumerate(block, first):
                    values = [value or "" for value in fields[: len(roles)]]
                    if not all(values):
                        raise _empty(table, place, roles[values.index("")])
                    for role, value in zip(roles, values, strict=True):
                        if "\n" in value or "\r" in value:
                            raise _broken(table, place, role, value)
                    if len(fields) > len(roles) and (fields[-1] or "").strip():
                        raise _too_wide(table, place)
                    yield values
                first += len(block)
                rows += len(block)
                progress.add(len(block))
            for _, line, reason in rejected_lines(workspace.connection):
                raise InputError(
                    f"{path}, row {line}: not readable",
                    expected="UTF-8 text with the delimiter of the header",
                    received=reason.splitlines()[0][:200],
                    action="correct the row, or write the file anew as UTF-8",
                )
    progress.finish()
    if not rows:
        raise InputError(f"{path} has a header and no rows", expected="at least one row", action="add rows")


def _named(table: SourceTable, role: str) -> str:
    name = None if table.headerless else alias_of(table.header, role)
    if name is None:
        first = table.dialect.first if table.dialect is not None else table.header
        raise InputError(
            f"{table.path}, row 1 (the header): no column `{role}`",
            expected=f"a column `{role}` or `{EXAMPLES[role]}`; other columns are ignored",
            received=", ".join(first),
            action="give the column one of these names",
        )
    return name


def _empty(table: SourceTable, place: int, role: str) -> InputError:
    return InputError(
        f"{table.path}, row {line_of(table, place)}: the {role} is empty",
        expected="an id",
        action="correct the row or leave it out",
    )


def _broken(table: SourceTable, place: int, role: str, value: str) -> InputError:
    return InputError(
        f"{table.path}, row {line_of(table, place)}: the {role} goes over several lines",
        expected="an id on one line",
        received=repr(value[:50]),
        action="check the quotation marks of the row: the last one may be missing",
    )


def _too_wide(table: SourceTable, place: int) -> InputError:
    return InputError(
        f"{table.path}, row {line_of(table, place)}: wrong number of fields",
        expected=f"{len(table.header)} ({', '.join(table.header)})",
        received="more",
        action='correct the row; a field that holds the delimiter must stand in "quotation marks"',
    )
