"""Progress lines of long stages. A runner decides whether and how they are shown.

Stages say what they have done in one line; the runner attaches a handler to `LOGGER`
(see pipelines/terminal/stage_lines.py). Without a handler nothing is printed.
"""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("recommender.progress")
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False
LOGGER.setLevel(logging.INFO)

RESULT = logging.INFO + 5
"""Level of a line that a log shows however soon it follows another."""


def report(message: str, *arguments: object) -> None:
    """Shows one line of progress, for instance `report("epoch %d of %d", 3, 75)`."""
    LOGGER.info(message, *arguments)


def conclude(message: str, *arguments: object) -> None:
    """Shows what a stage has come to, which no thinning of many lines leaves out."""
    LOGGER.log(RESULT, message, *arguments)


def warn(message: str, *arguments: object) -> None:
    """Shows one line that a person should read even when everything goes well."""
    LOGGER.warning(message, *arguments)


def duration(seconds: float) -> str:
    """The time as a person reads it: `23.4 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
