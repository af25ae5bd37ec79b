"""A source, read and split, without the artifacts: what most tests of ingestion look at."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.ingestion.config import DataConfig, SplitConfig
from components.ingestion.ingestion import Ingestion, restored
from components.ingestion.interactions import Rows
from components.ingestion.workspace import Workspace
from components.progress import LOGGER
from components.seen_rule import SeenRule

Row = tuple[str, str, float, int]


@contextlib.contextmanager
def ingestion(
    data: DataConfig, split: SplitConfig | None = None, seen: str = "auto", refit: bool = False
) -> Iterator[Ingestion]:
    """The source as `Ingestion` understands it, in a workspace that is there inside the `with` block."""
    with Workspace(data.memory_limit, data.encoding) as workspace:
        yield Ingestion(data, split or SplitConfig(), workspace, refit=False, leave_out_seen=SeenRule.parse(seen))


def rows_of(data: DataConfig, split: SplitConfig | None = None) -> list[Row]:
    """Every row (user, item, rating, time), by user and oldest first."""
    with ingestion(data, split) as found:
        return [row for rows in blocks(found) for row in _rows(found, rows)]


def blocks(found: Ingestion) -> Iterator[Rows]:
    """The blocks that an Ingestion keeps on the disk."""
    for path in found.blocks:
        yield restored(path)[0]


def profile_of(data: DataConfig, split: SplitConfig | None = None) -> dict[str, Any]:
    """What the profile says of the source."""
    with ingestion(data, split) as found:
        return found.profile()


def _rows(found: Ingestion, rows: Rows) -> Iterator[Row]:
    for user, item, rating, time in zip(rows.users, rows.items, rows.ratings, rows.timestamps, strict=True):
        yield (
            found.users[rows.first_user + user].decode(),
            found.items.ids[item].decode(),
            float(np.round(rating, 4)),
            int(time),
        )


@contextlib.contextmanager
def notices() -> Iterator[list[str]]:
    """The lines that a person would see meanwhile."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    LOGGER.addHandler(handler)
    try:
        yield lines
    finally:
        LOGGER.removeHandler(handler)
