"""What the report shows."""

from __future__ import annotations

import dataclasses

from components.settings import require


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Settings of the report.

    Attributes:
      people: Users whose recommendations are shown, from the quietest to the most active.
    """

    people: int = 5

    def __post_init__(self) -> None:
        require(0 <= self.people <= 50, "report.people", "from 0 to 50", self.people)
