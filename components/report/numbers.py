"""Numbers as people read them; a dash where there is none."""

from __future__ import annotations

import math

import numpy as np

DASH = "–"


def count(value: float | None) -> str:
    """85,712."""
    return DASH if value is None else f"{value:,.0f}"


def figure(value: float | None, digits: int = 4) -> str:
    """0.5307."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """+0.0155."""
    return DASH if value is None or not math.isfinite(value) else f"{value:+.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """73.7 %."""
    return DASH if value is None else f"{100 * value:.{digits}f} %"


def stars(value: float | None) -> str:
    """4.5 ★; a dash where nothing was rated or predicted."""
    return f"{value:.1f} ★" if value else DASH


def day(seconds: float | None) -> str:
    """The day of a moment in Unix seconds, UTC: 1996-03-29. Any year: milliseconds read as seconds are far away."""
    return DASH if seconds is None else str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
