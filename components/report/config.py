"""What the report shows."""

from __future__ import annotations

from typing import Annotated

from components.settings import between, settings


@settings("report")
class ReportConfig:
    """Settings of the report.

    Attributes:
      people: Users whose recommendations are shown, from the quietest to the most active.
    """

    people: Annotated[int, between(0, 50)] = 5
