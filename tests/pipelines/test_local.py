"""The runner on a real TFX pipeline: cache, failures, interruptions and what the summary says of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.errors import InputError
from pipelines.run import RunFailedError
from tests.pipelines import tiny_pipeline

ROOT = Path(__file__).parents[2]
STAGES = ["FirstStage", "SecondStage", "ThirdStage"]


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


def cached(summary):
    return [stage["cached"] for stage in summary["stages"]]


def test_a_run_shows_each_stage_and_a_second_one_comes_from_the_cache(tmp_path):
    summary, shown = tiny_pipeline.run(tmp_path)
    assert summary.status == "ok"
    assert [stage.id for stage in summary.stages] == STAGES
    assert not summary.everything_cached
    assert summary.notices == ["the third stage has a notice"]
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("[")] == [*STAGES, "ThirdStage"]

    summary, shown = tiny_pipeline.run(tmp_path)
    assert summary.everything_cached
    assert shown.count("cached") == 3
    assert cached(summary_of(tmp_path)) == [True, True, True]

    summary, _ = tiny_pipeline.run(tmp_path, number=8)
    assert cached(summary_of(tmp_path)) == [False, False, False]

    summary, _ = tiny_pipeline.run(tmp_path, number=8, cache=False)
    assert cached(summary_of(tmp_path)) == [False, False, False]


def test_a_failing_stage_is_named_and_the_next_run_goes_on_from_the_cache(tmp_path):
    with pytest.raises(RunFailedError) as error:
        tiny_pipeline.run(tmp_path, order="fail")
    failure = error.value.failure
    assert not error.value.curable
    assert failure.component == "SecondStage"
    assert failure.message == "ValueError: the second stage is broken"
    log = (tmp_path / "error.log").read_text()
    assert failure.error_log == str(tmp_path / "error.log")
    assert "and this is more about it" in log
    assert "tiny_pipeline.py" in log

    summary = summary_of(tmp_path)
    assert summary["status"] == "failed"
    assert summary["failure"]["component"] == "SecondStage"
    assert [(stage["id"], stage["status"]) for stage in summary["stages"]] == [
        ("FirstStage", "ok"),
        ("SecondStage", "failed"),
    ]
    assert not list(tmp_path.glob("artifacts/SecondStage/model/*"))

    tiny_pipeline.run(tmp_path)
    assert cached(summary_of(tmp_path)) == [True, False, False]
    assert not (tmp_path / "error.log").exists()


def test_input_that_a_person_can_cure_needs_no_traceback(tmp_path):
    with pytest.raises(RunFailedError) as error:
        tiny_pipeline.run(tmp_path, order="refuse")
    assert error.value.curable
    assert error.value.failure.message.splitlines() == [
        "the ratings are empty",
        "  expected: rows",
        "  received: 0 rows",
        "  what to do: give another file",
    ]
    assert error.value.failure.error_log is None
    assert not (tmp_path / "error.log").exists()


def test_an_interrupted_stage_leaves_nothing_half_written(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        tiny_pipeline.run(tmp_path, order="interrupt")
    summary = summary_of(tmp_path)
    assert summary["status"] == "interrupted"
    assert summary["failure"]["component"] == "SecondStage"
    assert not list(tmp_path.glob("artifacts/SecondStage/model/*"))
    tiny_pipeline.run(tmp_path)
    assert cached(summary_of(tmp_path)) == [True, False, False]


def test_a_killed_run_goes_on_where_it_was_and_meanwhile_nobody_else_may_use_its_folder(tmp_path):
    run = "import sys; from tests.pipelines import tiny_pipeline as t; t.run(t.Path(sys.argv[1]), order='wait')"
    process = subprocess.Popen([sys.executable, "-c", run, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for(tmp_path / "waiting", process)
        assert summary_of(tmp_path)["status"] == "running"
        with pytest.raises(InputError, match="another run") as error:
            tiny_pipeline.run(tmp_path, order="wait")
        assert str(process.pid) in error.value.received
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    (half_written,) = tmp_path.glob("artifacts/SecondStage/model/*")

    tiny_pipeline.run(tmp_path)
    assert cached(summary_of(tmp_path)) == [True, False, False]
    assert not half_written.exists()


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, "the run ended before it reached the second stage"
        time.sleep(0.2)


def test_an_unreadable_record_of_earlier_runs_says_what_to_do(tmp_path):
    (tmp_path / "metadata.sqlite").write_text("this is no database")
    with pytest.raises(RunFailedError) as error:
        tiny_pipeline.run(tmp_path)
    assert error.value.curable
    assert str(tmp_path / "metadata.sqlite") in error.value.failure.message
    assert "delete" in error.value.failure.message
