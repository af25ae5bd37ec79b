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
