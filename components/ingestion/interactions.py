"""Interactions as arrays, user by user and oldest first: a block of whole users at a time, however many there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.examples import Floats, Ints, Longs

Parts = npt.NDArray[np.int8]
Hashes = npt.NDArray[np.uint64]

BLOCK_ROWS = 500_000
PARTS = 8  # more than there are


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    """Interactions, one a position.

    Attributes:
      first_user: Number of the first user, among all users sorted by id.
      users: int32, `[rows]`: user minus `first_user`.
      items: int32 catalogue rows, `[rows]`.
      ratings: float32, `[rows]`; 1 where there are no ratings.
      weights: float32, `[rows]`: how much a row counts; 1 by default.
      timestamps: int64 Unix seconds, `[rows]`.
      parts: int8, `[rows]`: TRAIN_PART and so on.
      contexts: int32, `[rows]`: number of the combination of context values; 0 where there are none.
    """

    first_user: int
    users: Ints
    items: Ints
    ratings: Floats
    weights: Floats
    timestamps: Longs
    parts: Parts
    contexts: Ints

    def __len__(self) -> int:
        return len(self.users)

    @property
    def user_count(self) -> int:
        """Users of the block: those from `first_user` on."""
        return int(self.users[-1]) + 1 if len(self) else 0

    def take(self, positions: npt.NDArray[Any]) -> Rows:
        """The rows at `positions` (or where a mask is true), in that order."""
        arrays = {name: getattr(self, name)[positions] for name in ARRAYS}
        return dataclasses.replace(self, **arrays)

    def with_parts(self, parts: Parts) -> Rows:
        """The same rows, split."""
        return dataclasses.replace(self, parts=parts)

    def count(self, part: int) -> int:
        """Number of rows in a part."""
        return int(np.count_nonzero(self.parts == part))


ARRAYS = ("users", "items", "ratings", "weights", "timestamps", "parts", "contexts")


def sorted_blocks(connection: duckdb.DuckDBPyConnection, block_rows: int = BLOCK_ROWS) -> Iterator[Rows]:
    """Every row of the table `rows` in blocks of whole users: users by id, each user's rows by time, then by place.

    Needs the tables `user_codes(id, code)`, `item_codes(id, code)` and `context_codes(id, code)`. Sorts out of core.
    """
    query = """SELECT u.code AS users, i.code AS items, rating AS ratings, weight AS weights, time AS timestamps,
    part AS parts, coalesce(c.code, 0) AS contexts
    FROM (SELECT *, rowid AS place FROM rows) r JOIN user_codes u ON r.user = u.id
    JOIN item_codes i ON r.item = i.id LEFT JOIN context_codes c ON r.context = c.id ORDER BY u.code, time, place"""
    waiting: list[Any] = []
    for batch in connection.execute(query).to_arrow_reader(block_rows):
        if not batch.num_rows:
            continue
        waiting.append(batch)
        if sum(len(one) for one in waiting) >= block_rows:
            table = pa.Table.from_batches(waiting)
            users = table.column("users").to_numpy()
            cut = int(np.searchsorted(users, users[-1]))  # the last user may go on in the next batch
            if cut:
                yield _rows(table.slice(0, cut))
            waiting = table.slice(cut).to_batches()
    if waiting:
        yield _rows(pa.Table.from_batches(waiting))


def _rows(table: Any) -> Rows:
    users = table.column("users").to_numpy()
    first = int(users[0])
    return Rows(
        first_user=first,
        users=(users - first).astype(np.int32),
        items=table.column("items").to_numpy().astype(np.int32, copy=False),
        ratings=table.column("ratings").to_numpy().astype(np.float32, copy=False),
        weights=table.column("weights").to_numpy().astype(np.float32, copy=False),
        timestamps=table.column("timestamps").to_numpy().astype(np.int64, copy=False),
        parts=table.column("parts").to_numpy().astype(np.int8),
        contexts=table.column("contexts").to_numpy().astype(np.int32, copy=False),
    )


def one_row_a_pair(rows: Rows) -> Rows:
    """Keeps one row of each pair of user and item: of the first part that has it the last, which is the latest.

    What a model was trained on is no question to ask it, so the first part keeps a pair.
    """
    keys = _pairs(rows) * PARTS + rows.parts
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)  # of its pair and part
    kept, pairs = order[is_last], ordered[is_last] // PARTS
    kept = kept[np.append(True, pairs[1:] != pairs[:-1])]
    return rows if len(kept) == len(rows) else rows.take(np.sort(kept))


def one_row_a_moment(rows: Rows) -> Rows:
    """Joins rows of the same user, item, time and part into one with the sum of their weights."""
    pairs = _pairs(rows)
    order = np.lexsort((rows.parts, rows.timestamps, pairs))
    changed = (np.diff(pairs[order]) != 0) | (np.diff(rows.timestamps[order]) != 0) | (np.diff(rows.parts[order]) != 0)
    starts = np.flatnonzero(np.append(True, changed))
    if len(starts) == len(rows):
        return rows
    weights = np.add.reduceat(rows.weights[order].astype(np.float64), starts).astype(np.float32)
    kept = order[starts]
    back = np.argsort(kept)
    return dataclasses.replace(rows.take(kept[back]), weights=weights[back])


def repeated(rows: Rows) -> int:
    """Rows of a pair of user and item that has an earlier row."""
    return len(rows) - len(np.unique(_pairs(rows)))


def by_hash_within_ties(rows: Rows, hashes: Hashes) -> Rows:
    """The rows with those of one user and one time in the order of their hashes, `[rows]` uint64."""
    tied = (rows.users[1:] == rows.users[:-1]) & (rows.timestamps[1:] == rows.timestamps[:-1])
    return rows.take(np.lexsort((hashes, rows.timestamps, rows.users))) if tied.any() else rows


def tied_rows(rows: Rows) -> int:
    """Rows that have the time of another row of the same user."""
    tied = (rows.users[1:] == rows.users[:-1]) & (rows.timestamps[1:] == rows.timestamps[:-1])
    return int(np.count_nonzero(np.append(tied, False) | np.append(False, tied)))


def _pairs(rows: Rows) -> Longs:
    return rows.users.astype(np.int64) * (int(rows.items.max(initial=0)) + 1) + rows.items
