"""Names of the metrics in the results; `metrics/` has their formulas."""

from __future__ import annotations

from typing import Any

BASELINE_PREFIX = "baseline_"
"""What stands before a metric's name where it is that of popularity (lists) or of user + item means (ratings)."""

PEER_PREFIX = "peer_"
"""What stands before a metric's name where it is that of the peer's lists."""

AT = "_at_"
"""What stands between a metric's name and the length of its lists."""

USERS = "users"  # with held-out items
ROWS = "rows"  # with a rating
RMSE = "rmse"
MAE = "mae"

# What the judged bundle is compared with.
POPULARITY = "popularity"
MEANS = "means"  # user + item means
PEER = "peer"
SERVED = "served"

COVERAGE_CUT_OFF = 10
OF_EXPOSURE = ("coverage_at_", "gini_at_", "novelty_at_")
"""Beginnings of the names of what is measured of all lists together."""


def ndcg_at(cut_off: int) -> str:
    return f"ndcg_at_{cut_off}"


def coverage_at(cut_off: int) -> str:
    return f"coverage_at_{cut_off}"


def gini_at(cut_off: int) -> str:
    return f"gini_at_{cut_off}"


def novelty_at(cut_off: int) -> str:
    return f"novelty_at_{cut_off}"


def cut_off_of(name: str) -> int:
    """The list length in the name of a metric."""
    return int(name.rpartition("_at_")[2])


def minus(name: str, other: str) -> str:
    """The paired difference between the bundle's metric and that of popularity, the peer or the served bundle."""
    return f"{name}_minus_{other}"


def ratio(name: str) -> str:
    """The bundle's metric divided by that of user + item means."""
    return f"{name}_ratio"


def lower(name: str) -> str:
    """The lower end of the 95 % interval of a figure."""
    return f"{name}_lower"


def upper(name: str) -> str:
    """The upper end of the 95 % interval of a figure."""
    return f"{name}_upper"


def headroom(name: str) -> str:
    """How far a difference is from refusing the bundle."""
    return f"{name}_headroom"


def with_interval(name: str, interval: Any) -> dict[str, float]:
    """A figure and the two ends of its interval, by name."""
    return {name: interval.value, **ends(name, interval)}


def ends(name: str, interval: Any) -> dict[str, float]:
    """The two ends of the interval of a figure, by name."""
    return {lower(name): interval.lower, upper(name): interval.upper}


def baseline(name: str) -> str:
    return BASELINE_PREFIX + name


def of_list(other: str, name: str) -> str:
    """The metric of another list of the same rows: popularity's or the peer's."""
    return (BASELINE_PREFIX if other == POPULARITY else PEER_PREFIX) + name


def is_own(name: str) -> bool:
    """Whether it is a figure of the bundle itself: no other list's, no end of an interval, no headroom."""
    others = name.startswith((BASELINE_PREFIX, PEER_PREFIX))
    return not others and not name.endswith(("_lower", "_upper", "_headroom"))
