"""A whole run on Prism, Beam's portable engine: every Beam stage goes there, and gives what it gives in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow_data_validation as tfdv

from components.batch_scoring.publishing import Destination
from tests.components.batch_scoring.engines import find_prism
from tests.components.batch_scoring.jobs import Scored
from tests.end_to_end.command import Run, run
from tests.end_to_end.conftest import SETTINGS

pytestmark = pytest.mark.slow

BEAM_STAGES = ("EntityStatistics", "SequenceStatistics", "Transform", "Evaluator", "BatchScorer")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder of runs of its own: other tests ask which of theirs is the newest, and push further versions."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def memory_run(runs) -> Run:
    """A first run in memory, with the scores of what it has pushed."""
    return run(runs / "memory", "--preset", "demo", *SETTINGS, "--with-batch-scores")


@pytest.fixture(scope="module")
def prism(tmp_path_factory) -> tuple[Path, Path]:
    """Prism as a command that writes its log into a file."""
    folder = tmp_path_factory.mktemp("prism")
    command, log = folder / "prism", folder / "log.jsonl"
    command.write_text(f'#!/bin/sh\nexec {find_prism()} "$@" >> {log} 2>&1\n')
    command.chmod(0o755)
    return command, log


@pytest.fixture(scope="module")
def prism_run(runs, prism) -> Run:
    """The same, every stage anew, on Prism."""
    engine = f"--beam-pipeline-args=--runner=PrismRunner --prism_location={prism[0]}"
    return run(runs / "prism", "--preset", "demo", *SETTINGS, "--with-batch-scores", engine)


def statistics(a_run: Run) -> dict[tuple[str, ...], tuple[float, ...]]:
    """Counts, means and deviations of every feature; the median is an approximation that depends on the engine."""
    found: dict[tuple[str, ...], tuple[float, ...]] = {}
    for path in sorted(a_run.folder.artifacts.glob("*Statistics/statistics/*/Split-*/FeatureStats.pb")):
        (split,) = tfdv.load_stats_binary(str(path)).datasets
        for feature in split.features:
            kind = feature.num_stats if feature.HasField("num_stats") else feature.string_stats
            values = [split.num_examples, kind.common_stats.num_non_missing, kind.common_stats.tot_num_values]
            if feature.HasField("num_stats"):
                values += [kind.mean, kind.std_dev, kind.min, kind.max]
            found[(path.parts[-5], path.parts[-2], *feature.path.step)] = tuple(values)
    return found


def test_every_beam_stage_runs_on_prism(prism_run, prism):
    assert prism_run.done.code == 0, prism_run.done.text
    assert not any(prism_run.cached.values())
    assert set(BEAM_STAGES) <= set(prism_run.cached)
    lines = [json.loads(line) for line in prism[1].read_text().splitlines() if line.startswith("{")]
    done = [line["job"] for line in lines if line["msg"] == "pipeline done!"]
    assert len(set(done)) >= len(BEAM_STAGES), lines
    (scores,) = prism_run.folder.artifacts.glob("BatchScorer/scores/*/scores.parquet.summary.json")
    assert json.loads(scores.read_text())["engine"] == "PrismRunner"


def test_the_statistics_are_those_of_memory(memory_run, prism_run):
    in_memory, on_prism = statistics(memory_run), statistics(prism_run)
    assert len(in_memory) > 10
    assert set(on_prism) == set(in_memory)
    for feature, values in in_memory.items():
        assert on_prism[feature] == pytest.approx(values, rel=1e-6), feature


def test_metrics_and_verdicts_are_those_of_memory(memory_run, prism_run):
    in_memory, on_prism = (one.summary["evaluation"] for one in (memory_run, prism_run))
    assert on_prism["blessed"] == in_memory["blessed"]
    assert set(on_prism["metrics"]) == set(in_memory["metrics"])
    for name, sides in in_memory["metrics"].items():
        for side, value in sides.items():
            assert on_prism["metrics"][name][side] == pytest.approx(value, abs=1e-6), (name, side)


def test_the_batch_scores_are_those_of_memory(memory_run, prism_run):
    in_memory, on_prism = (
        Scored(Destination(output=one.summary["batch_scores"]["path"]), {}).by_user for one in (memory_run, prism_run)
    )
    assert len(in_memory) == 150
    assert set(on_prism) == set(in_memory)
    for user, rows in in_memory.items():
        assert [row["item_id"] for row in on_prism[user]] == [row["item_id"] for row in rows]
        for column in ("score", "predicted_rating"):  # of models trained anew: their last digits differ
            expected = [row[column] for row in rows]
            assert [row[column] for row in on_prism[user]] == pytest.approx(expected, abs=1e-4), (user, column)
