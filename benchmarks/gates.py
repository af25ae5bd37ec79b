"""Error rates of the gates: how often equal bundles are refused and worse ones pass, by number of users.

    python -m benchmarks gates             prints the table
    python -m benchmarks gates --write     and puts it into docs/metrics.md

Users are simulated: each has five held-out items, of which the new bundle finds some that the served
one misses and the other way round, so that the difference in recall of a user has a standard deviation
of about .2 (item-kNN against the bundle on ml-latest-small: .25). Verdicts come from the code of the gates.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.results_table import publish, table
from components.evaluation.gate_config import STANDARD
from components.evaluation.metrics.bootstrap import Bootstrap
from components.evaluation.metrics.user_sums import GROUPS, MAX_USERS
from components.evaluation.metrics.verdict import headroom

METRICS = Path(__file__).parents[1] / "docs" / "metrics.md"
USERS = (100, 610, 2_000, 10_000, 160_000)
CHANGES = (0.0, -0.005, -0.01, -0.02, -0.05, -0.1)
HELD_OUT = 5
FOUND_BY_ONE = 0.11  # the chance that a held-out item is found by one of two equal bundles only


def main() -> None:
    """Simulates every cell and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400, help="simulated evaluations of each cell")
    parser.add_argument("--write", action="store_true", help="write the table into docs/metrics.md")
    arguments = parser.parse_args()
    tolerance = STANDARD["recall_change"].bound or 0.0
    header = ["users", *(f"{change:+.3f}" if change else "equal" for change in CHANGES)]
    rows = [
        [
            f"{users:,}",
            *(f"{100 * refused(users, change, tolerance, arguments.repetitions):.1f} %" for change in CHANGES),
        ]
        for users in USERS
    ]
    text = table(header, rows)
    print(text)
    if arguments.write:
        publish("gates", text, METRICS)


def refused(users: int, change: float, tolerance: float, repetitions: int) -> float:
    """Share of evaluations that refuse a bundle whose true recall differs by `change` from the other's."""
    generator = np.random.default_rng(1)
    refusals = 0
    for seed in range(repetitions):
        sizes = group_sizes(users, generator)
        won = generator.binomial(HELD_OUT * sizes, FOUND_BY_ONE + change / 2)
        lost = generator.binomial(HELD_OUT * sizes, FOUND_BY_ONE - change / 2)
        sums = np.stack([sizes, (won - lost) / HELD_OUT], axis=1)
        interval = Bootstrap(sums, 300, seed).interval(lambda drawn: drawn[:, 1] / drawn[:, 0])
        refusals += bool(headroom(interval, tolerance, higher_is_better=True) < 0)
    return refusals / repetitions


def group_sizes(users: int, generator: np.random.Generator) -> np.ndarray:
    """Users in each group: one by one where there are few, as the metrics keep them."""
    if users <= MAX_USERS:
        return np.ones(users, np.int64)
    return generator.multinomial(users, np.full(GROUPS, 1 / GROUPS))
