"""CSV files of questions: whom to recommend to, which pairs of user and movie to rate."""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.ingestion.columns import ITEM, USER, alias_position
from components.ingestion.csv_rows import read_header, records, wrong_width
from components.ingestion.rates import RateReporter

EXAMPLES = {USER: "userId", ITEM: "movieId"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
    """Distinct pairs of user and movie, in the order in which a file first has them.

    Attributes:
      users: Distinct user ids.
      items: Distinct movie ids.
      user_codes: int32 positions in `users`, `[pairs]`.
      item_codes: int32 positions in `items`, `[pairs]`.
    """

    users: list[str]
    items: list[str]
    user_codes: npt.NDArray[np.int32]
    item_codes: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.user_codes)


def read_users(path: str) -> list[str]:
    """The distinct values of the column `user` (or `userId`), in the order in which the file first has them.

    Raises:
      InputError: No such column, no row, or a row that cannot be used.
    """
    users = dict.fromkeys(user for (user,) in _columns(path, (USER,)))
    return list(users)


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
    header, delimiter = read_header(path)
    positions = [_position(path, header, role) for role in roles]
    progress = RateReporter(f"reading {path}")
    rows = 0
    for row, fields in records(path, delimiter):
        if len(fields) != len(header):
            raise wrong_width(path, row, header, len(fields))
        values = [fields[position] for position in positions]
        if not all(values):
            raise _empty(path, row, roles[values.index("")])
        yield values
        rows += 1
        progress.add(1)
    progress.finish()
    if not rows:
        raise InputError(f"{path} has a header and no rows", expected="at least one row", action="add rows")


def _position(path: str, header: Sequence[str], role: str) -> int:
    position = alias_position(header, role)
    if position is None:
        raise InputError(
            f"{path}, row 1 (the header): no column `{role}`",
            expected=f"a column `{role}` or `{EXAMPLES[role]}`; other columns are ignored",
            received=", ".join(header),
            action="give the column one of these names",
        )
    return position


def _empty(path: str, row: int, role: str) -> InputError:
    return InputError(
        f"{path}, row {row}: the {role} is empty", expected="an id", action="correct the row or leave it out"
    )
