"""Runs that several tests look at: each costs a minute, so each happens once."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.push.versions import JUDGED
from serving.model import LoadedBundle
from tests.end_to_end.command import Run, recommender, run, state_of

DEMO = {"users": 150, "items": 1100, "ratings": 9000}  # ScaNN from 1,000 items on
TRAINING = ("retrieval.seeds=1", "retrieval.epochs=8", "retrieval.eval_every=4", "ranking.epochs=60")
SETTINGS = [
    argument
    for setting in (*(f"data.demo_{name}={value}" for name, value in DEMO.items()), *TRAINING)
    for argument in ("--set", setting)
]
WORSE = ("--set", "bundle.order=stars", "--set", "bundle.rank_candidates=1000")
"""The best rated of nearly all items, whoever asks: a list that hardly anybody's test rows are in."""


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `runs/` lies."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def first_run(work: Path) -> Run:
    """The demo in small, with the thresholds as they are."""
    return run(work / "runs" / "small", "--preset", "demo", *SETTINGS)


@pytest.fixture(scope="session")
def bundle(first_run: Run) -> LoadedBundle:
    """What the first run has pushed."""
    return LoadedBundle(first_run.summary["push"]["path"])


@pytest.fixture(scope="session")
def judged_bundle(first_run: Run) -> LoadedBundle:
    """What the first run has judged, which knew no test row."""
    pushed = Path(first_run.summary["push"]["path"])
    return LoadedBundle(str(pushed.parent / JUDGED / pushed.name))


@pytest.fixture(scope="session")
def demo_rows(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The rows of the demo in small: user, item, stars, time."""
    folder = tmp_path_factory.mktemp("demo")
    sizes = [argument for name, value in DEMO.items() for argument in (f"--{name}", value)]
    assert recommender("demo-data", "--output", folder, *sizes).code == 0
    return [line.split(",") for line in (folder / "ratings.csv").read_text().splitlines()[1:]]


@pytest.fixture(scope="session")
def unchanged_run(first_run: Run) -> Run:
    """The same command once more; pushed versions are as they were."""
    before = state_of(first_run.folder.pushed_model)
    again = run(first_run.folder.path, "--preset", "demo", *SETTINGS)
    assert state_of(first_run.folder.pushed_model) == before
    return again


@pytest.fixture(scope="session")
def refused_run(unchanged_run: Run) -> Run:
    """The same models in a bundle that answers worse."""
    before = state_of(unchanged_run.folder.pushed_model)
    worse = run(unchanged_run.folder.path, "--preset", "demo", *SETTINGS, *WORSE)
    assert state_of(unchanged_run.folder.pushed_model) == before
    return worse


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in GroupLens layout: 150 items, so that the search is exact."""
    folder = tmp_path_factory.mktemp("grouplens")
    assert recommender("demo-data", "--output", folder, "--users", 100, "--items", 150, "--ratings", 4000).code == 0
    return folder
