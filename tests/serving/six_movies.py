"""The bundle that the tests of serving ask: answers follow by hand.

Six movies lie on a line: the vector of movie `i` is (i, 1), the bias 0. The query is the vector of the
last movie of the history, (h, 1), so movie `i` scores h * i + 1. The ranker gives row `i` i + 1 stars.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.components.bundle.small_bundle import build_bundle

MOVIES = ["a", "b", "c", "d", "é", "<b>f</b>"]  # what would be markup is text
GENRES = [["Drama"], ["Comedy"], ["Drama", "Comedy"], [], ["Drama"], ["Comedy"]]
USERS = {"Ann": [0, 1, 2, 5], "Bo": [0, 1], "Cy": [0]}


def save_six_movies(base_path: Path) -> None:
    """Version 1 of the bundle."""
    build_bundle(
        base_path / "1",
        movie_ids=MOVIES,
        genres=GENRES,
        vectors=np.array([[i, 1.0] for i in range(6)]),
        biases=np.zeros(6),
        users=USERS,
        test_rows={"Ann": 1},
    )
