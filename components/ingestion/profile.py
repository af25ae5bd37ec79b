"""What the interactions look like, counted once, while they are in memory: what a report shows of the data.

Everything is counted exactly, on all rows that were kept, whatever the statistics sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components import features
from components.ingestion.blocks import Longs, SourceFacts
from components.ingestion.interactions import Rows

MOST_VALUES = 20
"""Ratings with more distinct values than that are counted in as many bins of equal width."""

MOST_PERIODS = 40
"""Bins of equal length between the oldest and the latest row."""

COUNT_EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000)
"""Lower ends of the bins of rows per user and per movie; the last one is open."""

Numbers = npt.NDArray[np.number[Any]]


def profile(rows: Rows, movies: int, facts: SourceFacts) -> dict[str, Any]:
    """Counts of the rows, ready for JSON.

    Args:
      rows: Every row, split; rows that were set aside (split.new_users) are in no part and not counted.
      movies: Movies of the catalogue.
      facts: What the columns of the source tell.

    Returns:
      `splits`: for each of train, eval, test its `rows`, distinct `users` and `movies`, `first` and `last`
      (Unix seconds, None for undated or no rows) and `mean_rating` (None without ratings).
      `ratings`: `edges` (the values, or the lower ends of equal bins) and counts by split; None without ratings.
      `periods`: `edges` (Unix seconds, one more than bins) and counts by split; None for undated rows.
      `rows_per_user`, `rows_per_movie`: of the training rows: `edges` (lower ends) and `counts`; movies without
      training rows count in `without`.
      `top_share`: share of the training rows that the most rated tenth of the catalogue's movies has.
    """
    parts = {name: np.flatnonzero(rows.parts == part) for part, name in enumerate(features.SPLITS)}
    train = parts[features.TRAIN]
    per_movie = np.bincount(rows.movies[train], minlength=movies)
    return {
        "splits": [_split(name, rows.take(positions), facts) for name, positions in parts.items()],
        "ratings": _ratings(rows, parts) if facts.has_ratings else None,
        "periods": _periods(rows, parts) if facts.has_timestamps else None,
        "rows_per_user": _per_owner(np.bincount(rows.users[train], minlength=len(rows.user_ids))),
        "rows_per_movie": _per_owner(per_movie),
        "top_share": _top_share(per_movie),
    }


def _split(name: str, rows: Rows, facts: SourceFacts) -> dict[str, Any]:
    dated, rated = facts.has_timestamps and len(rows) > 0, facts.has_ratings and len(rows) > 0
    return {
        "name": name,
        "rows": len(rows),
        "users": len(np.unique(rows.users)),
        "movies": len(np.unique(rows.movies)),
        "first": int(rows.timestamps.min()) if dated else None,
        "last": int(rows.timestamps.max()) if dated else None,
        "mean_rating": round(float(rows.ratings.mean(dtype=np.float64)), 4) if rated else None,
    }


def _ratings(rows: Rows, parts: dict[str, Longs]) -> dict[str, Any]:
    values = np.unique(rows.ratings)
    if len(values) > MOST_VALUES:
        edges = np.linspace(float(values[0]), float(values[-1]), MOST_VALUES + 1)[:-1]
    else:
        edges = values.astype(np.float64)
    return {"edges": [round(float(edge), 4) for edge in edges], **_counts(rows.ratings, edges, parts)}


def _periods(rows: Rows, parts: dict[str, Longs]) -> dict[str, Any]:
    first, last = int(rows.timestamps.min()), int(rows.timestamps.max())
    bins = min(MOST_PERIODS, last - first + 1)
    edges = np.unique(np.linspace(first, last + 1, bins + 1).astype(np.int64))
    return {"edges": edges.tolist(), **_counts(rows.timestamps, edges[:-1], parts)}


def _counts(values: Numbers, edges: Numbers, parts: dict[str, Longs]) -> dict[str, list[int]]:
    """By split: how many values lie from each edge to the next; the last bin is open."""
    bins = np.searchsorted(edges, values, side="right") - 1
    return {name: np.bincount(bins[positions], minlength=len(edges)).tolist() for name, positions in parts.items()}


def _per_owner(counts: Longs) -> dict[str, Any]:
    """How many users, or movies, have how many rows."""
    bins = np.searchsorted(COUNT_EDGES, counts[counts > 0], side="right") - 1
    found = np.bincount(bins, minlength=len(COUNT_EDGES)).tolist()
    while len(found) > 1 and not found[-1]:
        found.pop()
    return {"edges": list(COUNT_EDGES[: len(found)]), "counts": found, "without": int(np.count_nonzero(counts == 0))}


def _top_share(counts: Longs) -> float | None:
    top = max(1, len(counts) // 10)
    total = int(counts.sum())
    return round(float(np.sort(counts)[::-1][:top].sum() / total), 4) if total else None
