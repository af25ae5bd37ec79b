"""Names of the metrics in the results; `metrics/` has their formulas."""

from __future__ import annotations

BASELINE_PREFIX = "baseline_"
"""Before a metric's name: the same metric of popularity (lists) or of user + movie means (ratings)."""

MRR = "mrr"
USERS = "users"  # with held-out movies
ROWS = "rows"  # with a rating
RMSE = "rmse"
MAE = "mae"
RMSE_RATIO = "rmse_ratio"  # RMSE / RMSE of user + movie means

COVERAGE_CUT_OFF = 10


def recall_at(cut_off: int) -> str:
    return f"recall_at_{cut_off}"


def ndcg_at(cut_off: int) -> str:
    return f"ndcg_at_{cut_off}"


def coverage_at(cut_off: int) -> str:
    return f"coverage_at_{cut_off}"


def lift(name: str) -> str:
    """The paired difference between the list's metric and popularity's."""
    return f"{name}_minus_popularity"


def lift_lower_bound(name: str) -> str:
    """The lower end of the 95 % interval of the lift."""
    return f"{lift(name)}_lower"


def baseline(name: str) -> str:
    return BASELINE_PREFIX + name


def renamed(name: str, cut_off: int, true_cut_off: int) -> str:
    """The name of a metric whose list is shorter than was asked for."""
    return name.replace(f"_at_{cut_off}", f"_at_{true_cut_off}")
