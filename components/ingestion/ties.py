"""Whether the order of rows of the same time means anything, or is a sort that would give the answers away.

A shop's baskets share one time. Where an export is sorted by product id, the last rows of a basket are those of the
highest ids; a split that holds out the last rows then asks for high ids alone, and a model that has learned nothing but
that looks good. So ties go by the place in the source only where the source is a log: in the order of time, and with
ties that are sorted by neither the item's id nor its popularity. Else they are drawn by a hash.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

PLACE, HASH, AUTO = "place", "hash", "auto"

SAMPLE_ROWS = 1_000_000
FEWEST_TIES = 100
MOST_DEVIATIONS = 4.0


def resolve(connection: duckdb.DuckDBPyConnection, setting: str) -> str:
    """PLACE or HASH for the table `rows`, by its first rows where the setting is AUTO."""
    if setting != AUTO:
        return setting
    query = f"""SELECT hash(user), item, time, n FROM (SELECT user, item, time, rowid AS place FROM rows
    WHERE part = 0 LIMIT {SAMPLE_ROWS}) JOIN (SELECT item, count(*) AS n FROM rows GROUP BY item) USING (item)
    ORDER BY place"""
    users, items, times, counts = connection.execute(query).fetchnumpy().values()
    return PLACE if is_log(np.asarray(users), items, np.asarray(times), np.asarray(counts)) else HASH


def is_log(
    users: npt.NDArray[Any],
    items: npt.NDArray[Any],
    times: npt.NDArray[Any],
    counts: npt.NDArray[Any],
) -> bool:
    """Whether rows, in the order of their source, are a log whose ties are in no order but that of the events.

    Args:
      users: `[rows]`.
      items: Ids as text, `[rows]`.
      times: `[rows]`.
      counts: How often each row's item occurs, `[rows]`.
    """
    if np.any(times[1:] < times[:-1]):
        return False
    same_time = times[1:] == times[:-1]
    same_user = same_time & (users[1:] == users[:-1])
    if same_user.sum() < FEWEST_TIES:
        return False
    _, text_ranks = np.unique(np.asarray(items, dtype=str), return_inverse=True)
    return all(
        not _is_sorted(values, pairs)
        for values in (text_ranks, _as_numbers(items), counts)
        for pairs in (same_user, same_time)
    )


def _as_numbers(items: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The digits of each id as a number, 0 where there are none: ids that are sorted as numbers are not as text."""
    digits = np.char.replace(np.asarray(items, dtype=str), " ", "")
    stripped = np.char.lstrip(digits, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-#")
    return np.array([float(text) if text.isascii() and text.isdigit() else 0.0 for text in stripped])


def _is_sorted(values: npt.NDArray[Any], pairs: npt.NDArray[np.bool_]) -> bool:
    """Whether values rise (or fall) from one row to the next more often than chance would have it.

    Rises and falls are equally likely where values are in no order; their difference among n independent changes has
    the standard deviation √n.
    """
    rises = int(np.count_nonzero(values[1:][pairs] > values[:-1][pairs]))
    falls = int(np.count_nonzero(values[1:][pairs] < values[:-1][pairs]))
    changes = rises + falls
    return changes > 0 and abs(rises - falls) > MOST_DEVIATIONS * np.sqrt(changes)
