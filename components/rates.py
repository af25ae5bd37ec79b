"""Progress lines with rows and speed for loops over many rows."""

from __future__ import annotations

import time

from components.progress import report

EVERY_SECONDS = 2.0


class RateReporter:
    """Reports now and then how many rows are done; silent when all is done within the first interval."""

    def __init__(self, what: str, total: int = 0, unit: str = "rows") -> None:
        """Starts the clock.

        Args:
          what: The work in words, such as "reading ratings".
          total: Number of rows where it is known, else 0.
          unit: What a row is.
        """
        self._what = what
        self._unit = unit
        self._of = f" of {total:,}" if total else ""
        self._rows = 0
        self._started = self._reported = time.monotonic()

    def add(self, rows: int) -> None:
        """Counts `rows` more, and reports where the last report is old enough."""
        self._rows += rows
        if time.monotonic() - self._reported >= EVERY_SECONDS:
            self._reported = time.monotonic()
            report("%s: %s%s %s, %s/s", self._what, f"{self._rows:,}", self._of, self._unit, f"{self._rate():,.0f}")

    def finish(self) -> None:
        """Reports the whole, where the work was long enough to have been reported before."""
        if self._reported > self._started:
            report("%s: %s %s, %s/s", self._what, f"{self._rows:,}", self._unit, f"{self._rate():,.0f}")

    def _rate(self) -> float:
        return self._rows / max(time.monotonic() - self._started, 1e-9)
