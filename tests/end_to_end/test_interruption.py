"""A killed run goes on by the same command; two runs on one folder are refused: with real processes."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from pipelines.local_run.run_folder import RunFolder
from tests.end_to_end.command import LENIENT, QUICK, assert_explained, recommender, run, start, versions

PATIENCE_SECONDS = 300


def arguments(data: Path) -> tuple[object, ...]:
    return ("--ratings", data, *QUICK, *LENIENT)


def executions(folder: RunFolder, stage: str) -> set[Path]:
    """Folders into which executions of the stage wrote or write."""
    return set(folder.artifacts.glob(f"{stage}/[!.]*/*"))  # .system is TFX's own


def run_until(folder: RunFolder, data: Path, stage: str, also=lambda: None) -> set[str]:
    """Starts the run and kills it with -9 as soon as the stage is at work; `also` happens just before.

    Returns the stages that had ended by then, of which others may have been at work beside the one that is named.
    """
    before = executions(folder, stage)
    process = start("run", *arguments(data), "--output", folder.path)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not executions(folder, stage) - before:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"{stage} did not start"
            time.sleep(0.02)
        also()
        assert process.poll() is None
    finally:
        process.kill()
        shown = process.communicate()[0]
    return set(re.findall(r"(?m)^\[ *\d+/\d+\] (\w+) +(?:cached|[\d.]+ s)$", shown))


def assert_killed_run_left_nothing_half(folder: RunFolder) -> None:
    assert versions(folder) == []
    assert json.loads(folder.summary.read_text())["status"] == "running"  # as docs/summary.md says


def check_resumption(folder: RunFolder, data: Path, last_killed: str, earlier: set[str]) -> None:
    """Runs to the end: the stages `earlier` come from the cache, and one whole version is pushed."""
    half_written = executions(folder, last_killed)
    resumed = run(folder.path, *arguments(data))
    assert resumed.done.code == 0, resumed.done.text
    assert {stage for stage in earlier if not resumed.cached[stage]} == set()
    assert not resumed.cached[last_killed]
    assert not any(path.exists() for path in half_written)
    assert resumed.summary["evaluation"]["blessed"]
    assert versions(folder) == [str(resumed.summary["push"]["version"])]
    version = Path(resumed.summary["push"]["path"])
    answer = recommender("query", "--user", "1", "--model", version, "--json")
    assert answer.code == 0, answer.text
    assert len(json.loads(answer.out)["items"]) == 10


def test_a_run_killed_twice_goes_on_and_its_folder_is_its_own(demo_files, tmp_path):
    folder = RunFolder(tmp_path / "run")

    def another_run_is_refused() -> None:
        done = recommender("run", *arguments(demo_files), "--output", folder.path)
        assert_explained(done, 2)
        assert "another run is using the folder" in done.err
        assert json.loads(folder.summary.read_text())["status"] == "running"  # the other run's

    trained = run_until(folder, demo_files, "RetrievalTrainer", also=another_run_is_refused)
    assert_killed_run_left_nothing_half(folder)
    assert "Transform" in trained
    bundled = run_until(folder, demo_files, "RecommenderBundler")
    assert_killed_run_left_nothing_half(folder)
    assert trained | {"RetrievalTrainer", "CandidateIndexer"} <= bundled
    check_resumption(folder, demo_files, "RecommenderBundler", bundled)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_at_every_costly_stage_goes_on(demo_files, tmp_path):
    folder = RunFolder(tmp_path / "run")
    costly = (
        "ExampleGen",
        "SequenceStatistics",
        "Transform",
        "RankingTrainer",
        "CandidateIndexer",
        "Evaluator",
        "FinalFit",
    )
    for stage in costly:
        ended = run_until(folder, demo_files, stage, also=lambda: time.sleep(0.5))
        assert_killed_run_left_nothing_half(folder)
    check_resumption(folder, demo_files, "FinalFit", ended)
