"""The bundle that the tests of serving ask: answers follow by hand.

Six items lie on a line: the vector of item `i` is (i, 1), the bias 0. The query is the vector of the
last item of the history, (h, 1), so item `i` scores h * i + 1. The ranker gives row `i` i + 1 stars.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.components.bundle.small_bundle import build_bundle

ITEMS = ["a", "b", "c", "d", "é", "<b>f</b>"]  # what would be markup is text
GENRES = [["Drama"], ["Comedy"], ["Drama", "Comedy"], [], ["Drama"], ["Comedy"]]
USERS = {"Ann": [0, 1, 2, 5], "Bo": [0, 1], "Cy": [0]}


def save_six_items(base_path: Path) -> None:
    """Version 1 of the bundle."""
    build_bundle(
        base_path / "1",
        item_ids=ITEMS,
        genres=GENRES,
        vectors=np.array([[i, 1.0] for i in range(6)]),
        biases=np.zeros(6),
        users=USERS,
        test_rows={"Ann": 1},
    )
