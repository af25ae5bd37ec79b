"""A bundle whose answers are not all alike, and jobs on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from serving.model import LoadedBundle
from tests.components.batch_scoring.jobs import ITEMS, Scored, score_in_memory
from tests.components.bundle.small_bundle import build_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """Version 7: 60 items, 300 users of whom each knows 1 to 19 items, exact search."""
    rng = np.random.default_rng(7)
    known = {f"u{user}": rng.choice(ITEMS, rng.integers(1, 20), replace=False).tolist() for user in range(300)}
    return build_bundle(
        tmp_path_factory.mktemp("bundle") / "7",
        item_ids=[f"m{item}" for item in range(ITEMS)],
        genres=[["Drama"]] * ITEMS,
        vectors=rng.normal(size=(ITEMS, 8)),
        biases=rng.normal(size=ITEMS),
        users=known,
        test_rows={},
    )


@pytest.fixture
def scored(bundle: LoadedBundle, tmp_path: Path) -> Callable[..., Scored]:
    """Runs a job in this process and publishes what it leaves."""

    def run(users: str = "all", **options: object) -> Scored:
        return score_in_memory(bundle.path, tmp_path, users=users, **options)

    return run
