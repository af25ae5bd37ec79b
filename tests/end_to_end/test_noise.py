"""Random data of every kind are refused: nothing but chance is in them, whatever order their rows stand in."""

from __future__ import annotations

import numpy as np
import pytest

from tests.datasets import write_csv
from tests.end_to_end.command import run

USERS, ITEMS, BASKETS, SIZE = 200, 200, 4, 6

KINDS = (
    "baskets sorted by item",
    "baskets sorted by item backwards",
    "baskets sorted by user and item",
    "one moment for everything, sorted by item",
    "times of their own",
    "no times",
    "ratings",
    "thumbs",
)
IN_EVERY_RUN_OF_THE_TESTS = KINDS[:1]


def noise(kind: str) -> tuple[tuple[str, ...], list[tuple]]:
    """A header, and rows in which every user draws distinct items evenly."""
    rng = np.random.default_rng(KINDS.index(kind))
    rows = []
    for user in range(USERS):
        items = rng.choice(ITEMS, BASKETS * SIZE, replace=False)
        days = np.sort(rng.integers(0, 300, BASKETS)) * 86_400 + 1_700_000_000
        rows += [(f"u{user:03}", f"i{item:03}", int(days[place // SIZE])) for place, item in enumerate(items)]
    if kind == "times of their own":
        rows = [(user, item, int(time + rng.integers(86_400))) for user, item, time in rows]
    if kind.startswith("one moment"):
        rows = [(user, item, 1_700_000_000) for user, item, _ in rows]
    orders = {
        "baskets sorted by item": lambda row: (row[2], row[1]),
        "baskets sorted by item backwards": lambda row: (row[2], -int(row[1][1:])),
        "baskets sorted by user and item": lambda row: (row[2], row[0], row[1]),
        "one moment for everything, sorted by item": lambda row: row[1],
    }
    if kind in orders:
        rows.sort(key=orders[kind])
    else:
        rng.shuffle(rows)
    if kind == "no times":
        return ("user", "item"), [row[:2] for row in rows]
    if kind in ("ratings", "thumbs"):
        values = (1, 2, 3, 4, 5) if kind == "ratings" else (-1, 1)
        return ("user", "item", "timestamp", "rating"), [(*row, int(rng.choice(values))) for row in rows]
    return ("user", "item", "timestamp"), rows


@pytest.mark.parametrize(
    "kind",
    [kind if kind in IN_EVERY_RUN_OF_THE_TESTS else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS],
)
def test_noise_is_not_blessed(tmp_path, kind):
    path = write_csv(tmp_path / "noise.csv", *noise(kind))
    done = run(tmp_path / "run", "--ratings", path, "--set", "retrieval.epochs=10", "--set", "ranking.epochs=30")
    assert done.done.code == 0, done.done.text
    assert not done.summary["evaluation"]["blessed"]
    assert not done.gates["recall_lift"]["passed"]
    assert not done.summary["push"]["pushed"]
