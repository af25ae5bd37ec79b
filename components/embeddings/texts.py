"""Ids and titles as text, for files that hold nothing else."""

from __future__ import annotations

import numpy as np

from components.examples import Longs, Strings


def positions_of_text(ids: Strings) -> Longs:
    """Positions int64 of the ids that are UTF-8; the others cannot be written and are left out."""
    return np.flatnonzero([_is_text(one) for one in ids])


def shown(value: bytes) -> str:
    """A title or a genre; what is not UTF-8 in it becomes �."""
    return value.decode("utf-8", "replace")


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
