"""How unlike the newest span is to what came before: a robot, or a broken export, must not teach a nightly run.

The gates cannot tell, for they judge on the newest rows, poisoned or not. The distance is that of the largest change of
a share (L-infinity, as TFDV has it for categories): of items and of users, among the rows of the span and all before.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from components.errors import InputError

FEWEST_ROWS = 100
"""Of a span that is looked at: of fewer rows a share says little."""


@dataclasses.dataclass(frozen=True)
class Drift:
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


def largest(connection: Any, first_row: int) -> Drift | None:
    """The largest change; None where the span has few rows, or nothing came before.

    Args:
      connection: With the table `rows`.
      first_row: The first rowid of the newest span, whose rows are the last ones.
    """
    sizes = f"count(*) FILTER (rowid >= {first_row}), count(*) FILTER (rowid < {first_row})"
    new, old = connection.execute(f"SELECT {sizes} FROM rows").fetchone()
    if new < FEWEST_ROWS or old < FEWEST_ROWS:
        return None
    found = []
    for role in ("user", "item"):
        query = f"""WITH counts(name, new, old) AS (SELECT "{role}", {sizes} FROM rows GROUP BY 1)
        SELECT * FROM counts ORDER BY abs(new / {new} - old / {old}) DESC, name LIMIT 1"""
        name, *counts = connection.execute(query).fetchone()
        found.append(Drift(role, str(name), counts[0] / new, counts[1] / old))
    return max(found, key=lambda one: one.distance)


def require(connection: Any, first_row: int, most: float, span: str) -> None:
    """Refuses a span that is too unlike all before.

    Raises:
      InputError: Some share has changed by more than `most`.
    """
    drift = largest(connection, first_row)
    if drift is not None and drift.distance > most:
        raise InputError(
            f"the span {span} is unlike all before: {drift.role} {drift.name} has {drift.share:.0%} of its rows",
            expected=f"a share that changes by no more than {most:g} (data.max_span_drift)",
            received=f"{drift.before:.1%} of the rows before",
            action="look for robots or a broken export; where the span is right, --set data.max_span_drift=1",
        )
