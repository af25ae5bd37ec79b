"""What the interactions look like, counted exactly while they pass: what `inspect` and a report show of the data."""

from __future__ import annotations

import dataclasses
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from components import features
from components.examples import Longs
from components.ingestion.interactions import Rows, repeated, tied_rows

MOST_VALUES = 20
"""Ratings with more distinct values than that are counted in as many bins of equal width."""

MOST_PERIODS = 40
"""Bins of equal length between the oldest and the latest row."""

COUNT_EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000)
"""Lower ends of the bins of rows per user and per item; the last one is open."""

Numbers = npt.NDArray[np.number[Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Range:
    """What one look at all rows tells, before they are sorted.

    Attributes:
      rows: How many there are.
      ratings: The distinct ratings, ascending; beyond MOST_VALUES only the least and the largest.
      continuous: Whether there are more distinct ratings than that.
      first: Unix seconds of the oldest row.
      last: Of the latest row.
      weighted: Whether rows count differently.
    """

    rows: int
    ratings: tuple[float, ...]
    continuous: bool
    first: int
    last: int
    weighted: bool

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> Range:
        """Looks at the table `rows`."""
        query = """SELECT count(*), min(rating), max(rating), min(time), max(time),
        min(weight) <> 1 OR max(weight) <> 1, approx_count_distinct(rating) FROM rows"""
        rows, low, high, first, last, weighted, distinct = connection.execute(query).fetchone() or (0,) * 7
        values: tuple[float, ...] = (low, high)
        if distinct <= 4 * MOST_VALUES:
            found = connection.execute("SELECT DISTINCT rating FROM rows ORDER BY rating").fetchall()
            values = tuple(value for (value,) in found)
        if len(values) > MOST_VALUES:
            values = (low, high)
        continuous = distinct > 4 * MOST_VALUES or (len(values) == 2 and distinct > 10)
        return cls(rows=rows, ratings=values, continuous=continuous, first=first, last=last, weighted=bool(weighted))


class Profile:
    """Counts of all rows, block by block.

    Args:
      items: Items of the catalogue.
      seen: What one look has told.
      has_ratings: Whether ratings mean anything.
      has_timestamps: Whether times do.
    """

    def __init__(self, items: int, seen: Range, *, has_ratings: bool, has_timestamps: bool) -> None:
        self._rated, self._dated = has_ratings and seen.rows > 0, has_timestamps and seen.rows > 0
        self._splits = [_Split(name, items) for name in features.SPLITS]
        self._per_item = np.zeros(items, np.int64)
        self._per_user = np.zeros(len(COUNT_EDGES) + 1, np.int64)
        self._rating_edges = self._edges(seen)
        self._period_edges = _period_edges(seen)
        shape = len(features.SPLITS)
        self._ratings = np.zeros((shape, len(self._rating_edges)), np.int64)
        self._periods = np.zeros((shape, len(self._period_edges) - 1), np.int64)
        self._range = seen
        self.repeats = self.tied = self.users = self.rows = self.heaviest = 0

    def add(self, rows: Rows) -> None:
        """Counts a block of whole users, split; rows that were set aside (split.new_users) are in no part."""
        self.rows += len(rows)
        self.users += len(np.unique(rows.users))
        self.repeats += repeated(rows)
        self.tied += tied_rows(rows) if self._dated else 0
        self.heaviest = max(self.heaviest, int(np.bincount(rows.users).max(initial=0)))
        for part, split in enumerate(self._splits):
            chosen = rows.take(rows.parts == part)
            split.add(chosen)
            if self._rated:
                self._ratings[part] += _counted(chosen.ratings, self._rating_edges)
            if self._dated:
                self._periods[part] += _counted(chosen.timestamps, self._period_edges[:-1])
        train = rows.parts == 0
        self._per_item += np.bincount(rows.items[train], minlength=len(self._per_item))
        per_user = np.bincount(rows.users[train], minlength=rows.user_count)
        self._per_user += _binned(per_user)

    def sizes(self) -> list[int]:
        """Rows of train, eval and test."""
        return [split.rows for split in self._splits]

    def as_dict(self) -> dict[str, Any]:
        """The counts, ready for JSON.

        `splits`: for each of train, eval, test its `rows`, distinct `users` and `items`, `first` and `last` (Unix
        seconds, None for undated or no rows) and `mean_rating` (None without ratings).
        `ratings`: `edges` (the values, or the lower ends of equal bins) and counts by split; None without ratings.
        `periods`: `edges` (Unix seconds, one more than bins) and counts by split; None for undated rows.
        `rows_per_user`, `rows_per_item`: of the training rows: `edges` (lower ends) and `counts`; those without
        training rows count in `without`.
        `top_share`: share of the training rows that the most rated tenth of the catalogue's items has.
        `repeat_share`: share of all rows whose user and item have an earlier row; `tie_share`: share of all rows that
        have the time of another row of their user; `heaviest_user`: rows of the user with most of them.
        """
        rated, dated = self._rated, self._dated
        return {
            "splits": [split.as_dict(rated=rated, dated=dated) for split in self._splits],
            "ratings": _by_split(self._rating_edges, self._ratings) if rated else None,
            "periods": _by_split(self._period_edges, self._periods) if dated else None,
            "rows_per_user": _trimmed(self._per_user),
            "rows_per_item": _trimmed(_binned(self._per_item)),
            "top_share": _top_share(self._per_item),
            "repeat_share": round(self.repeats / max(1, self.rows), 4),
            "tie_share": round(self.tied / max(1, self.rows), 4),
            "heaviest_user": self.heaviest,
        }

    def _edges(self, seen: Range) -> npt.NDArray[np.float64]:
        values = np.asarray(seen.ratings, np.float64)
        return np.linspace(values[0], values[-1], MOST_VALUES + 1)[:-1] if seen.continuous else values


class _Split:
    """Counts of one split."""

    def __init__(self, name: str, items: int) -> None:
        self.rows = 0
        self._name = name
        self._users = 0
        self._items = np.zeros(items, np.bool_)
        self._first, self._last = 2**62, -(2**62)
        self._ratings = 0.0

    def add(self, rows: Rows) -> None:
        if not len(rows):
            return
        self.rows += len(rows)
        self._users += len(np.unique(rows.users))
        self._items[rows.items] = True
        self._first = min(self._first, int(rows.timestamps.min()))
        self._last = max(self._last, int(rows.timestamps.max()))
        self._ratings += float(rows.ratings.sum(dtype=np.float64))

    def as_dict(self, *, rated: bool, dated: bool) -> dict[str, Any]:
        dated, rated = dated and self.rows > 0, rated and self.rows > 0
        return {
            "name": self._name,
            "rows": self.rows,
            "users": self._users,
            "items": int(self._items.sum()),
            "first": self._first if dated else None,
            "last": self._last if dated else None,
            "mean_rating": round(self._ratings / self.rows, 4) if rated else None,
        }


def _period_edges(seen: Range) -> Longs:
    bins = min(MOST_PERIODS, seen.last - seen.first + 1)
    return np.unique(np.linspace(seen.first, seen.last + 1, bins + 1).astype(np.int64))


def _counted(values: Numbers, edges: Numbers) -> Longs:
    """How many values lie from each edge to the next; the last bin is open."""
    counts: Longs = np.bincount(np.searchsorted(edges, values, side="right") - 1, minlength=len(edges))
    return counts


def _by_split(edges: Numbers, counts: Longs) -> dict[str, Any]:
    shown = [int(edge) if float(edge).is_integer() else round(float(edge), 4) for edge in edges]
    return {"edges": shown, **{name: counts[part].tolist() for part, name in enumerate(features.SPLITS)}}


def _binned(counts: Longs) -> Longs:
    """How many of the counts are 0, and how many lie in each bin of COUNT_EDGES."""
    bins: Longs = np.bincount(np.searchsorted(COUNT_EDGES, counts, side="right"), minlength=len(COUNT_EDGES) + 1)
    return bins


def _trimmed(found: Longs) -> dict[str, Any]:
    """How many users, or items, have how many rows; `found[0]` have none."""
    counts = found[1:].tolist()
    while len(counts) > 1 and not counts[-1]:
        counts.pop()
    return {"edges": list(COUNT_EDGES[: len(counts)]), "counts": counts, "without": int(found[0])}


def _top_share(counts: Longs) -> float | None:
    top = max(1, len(counts) // 10)
    total = int(counts.sum())
    return round(float(np.sort(counts)[::-1][:top].sum() / total), 4) if total else None
