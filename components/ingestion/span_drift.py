"""How unlike the newest span is to what came before: a robot, or a broken export, must not teach a nightly run.

The gates cannot tell, for they judge on the newest rows, poisoned or not. The distance is that of the largest change of
a share (L-infinity, as TFDV has it for categories): of items and of users, among the rows of the span and all before.
Robots who take anything change no share by much, but they are many: a span may be so many times as large as the
largest before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from components.errors import InputError

FEWEST_ROWS = 100
"""The fewest rows of a span that is looked at: a share of fewer says little."""
FEWEST_SPANS = 3
"""The fewest spans before one whose size is looked at."""


@dataclasses.dataclass(frozen=True)
class ShareDrift:
    """The largest change of a share.

    Attributes:
      role: user or item.
      name: Whose share it is.
      share: Among the rows of the newest span, 0 to 1.
      before: Among all rows before.
    """

    role: str
    name: str
    share: float
    before: float

    @property
    def distance(self) -> float:
        """The difference of the two."""
        return abs(self.share - self.before)


def largest(connection: Any, newest: Sequence[tuple[int, int]]) -> ShareDrift | None:
    """The largest change; None where the span has few rows, or nothing came before.

    Args:
      connection: With the table `rows`, of which none has been deleted yet; those with a fault do not count.
      newest: First rowid and the one behind the last, of each file of the newest span.
    """
    is_new = " OR ".join(f"rowid >= {first} AND rowid < {end}" for first, end in newest) or "false"
    counted = f"SELECT *, ({is_new}) AS is_new FROM rows WHERE fault = 0"
    sizes = "count(*) FILTER (is_new) AS new, count(*) FILTER (NOT is_new) AS old"
    new, old = connection.execute(f"SELECT {sizes} FROM ({counted})").fetchone()
    if new < FEWEST_ROWS or old < FEWEST_ROWS:
        return None
    found = []
    for role in ("user", "item"):
        query = f"""SELECT * FROM (SELECT "{role}" AS name, {sizes} FROM ({counted}) GROUP BY 1)
        ORDER BY abs(new / {new} - old / {old}) DESC, name LIMIT 1"""
        name, of_span, before = connection.execute(query).fetchone()
        found.append(ShareDrift(role, str(name), of_span / new, before / old))
    return max(found, key=lambda one: one.distance)


def require_size(rows: Mapping[str, int], most: float) -> None:
    """Refuses a newest span that is far larger than any before.

    Args:
      rows: Rows of each span, by its name, oldest first.
      most: How many times the largest before; 0: any number.

    Raises:
      InputError: It is larger than that.
    """
    *before, newest = rows.items()
    largest_before = max((size for _, size in before), default=0)
    if most and len(before) >= FEWEST_SPANS and newest[1] > max(FEWEST_ROWS, most * largest_before):
        raise InputError(
            f"the span {newest[0]} has {newest[1]:,} rows, where none before had more than {largest_before:,}",
            expected=f"at most {most:g} times as many as the largest before (data.max_span_growth)",
            received=f"{newest[1] / max(1, largest_before):.1f} times as many",
            action="look for robots or a file that was exported twice; where the span is right, "
            "--set data.max_span_growth=0",
        )


def require(drift: ShareDrift | None, most: float, span: str) -> None:
    """Refuses a span that is too unlike all before.

    Raises:
      InputError: Some share has changed by more than `most`.
    """
    if drift is not None and drift.distance > most:
        raise InputError(
            f"the span {span} is unlike all before: {drift.role} {drift.name} has {drift.share:.0%} of its rows",
            expected=f"a share that changes by no more than {most:g} (data.max_span_drift)",
            received=f"{drift.before:.1%} of the rows before",
            action="look for robots or a broken export; where the span is right, --set data.max_span_drift=1",
        )
