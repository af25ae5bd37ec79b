"""The runner on a real TFX pipeline: cache, failures, interruptions and what the summary says of them."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.errors import InputError
from pipelines.local_run.run import OpenedPipeline, RunFailedError, _stages_at_once
from pipelines.local_run.stages import OutputArtifact, StageResult
from tests.end_to_end import command
from tests.pipelines import tiny_pipeline

ROOT = Path(__file__).parents[3]
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


def after_a_push(monkeypatch, folder, failing):
    """`recommender run` on a pipeline that pushes before the stage `failing` fails."""

    def opened(config, place, beam_pipeline_args=()):
        return OpenedPipeline(pipeline=tiny_pipeline.after_a_push(place, failing))

    monkeypatch.setattr("pipelines.local_run.run.open_recommender", opened)
    return command.run(folder, "--preset", "demo")


def test_a_report_that_fails_after_the_push_is_a_warning_with_its_cause(monkeypatch, tmp_path):
    ended = after_a_push(monkeypatch, tmp_path, "RunReport")
    assert ended.done.code == 0, ended.done.text
    assert f"Pushed: version 1700000000 in {tmp_path / 'pushed_model' / '1700000000'}" in ended.done.out
    (notice,) = ended.summary["notices"]
    assert notice == (
        "RunReport failed, and the run went on without it: ValueError: the second stage is broken; "
        f"the whole traceback: {tmp_path / 'error.log'}"
    )
    assert "ValueError: the second stage is broken" in ended.done.err
    assert "more about it" in (tmp_path / "error.log").read_text()
    assert ended.summary["status"] == "ok"
    assert ended.summary["push"]["version"] == 1700000000
    states = {stage["id"]: stage["status"] for stage in ended.summary["stages"]}
    assert states == {"Pusher": "ok", "RunReport": "failed", "BatchScorer": "ok"}


def test_a_stage_that_fails_after_the_push_fails_the_run_which_says_what_was_pushed(monkeypatch, tmp_path):
    ended = after_a_push(monkeypatch, tmp_path, "BatchScorer")
    assert ended.done.code == 1
    assert "error: BatchScorer failed: ValueError: the second stage is broken" in ended.done.err
    assert f"the whole traceback: {tmp_path / 'error.log'}" in ended.done.err
    assert "Pushed: version 1700000000" in ended.done.out
    assert ended.summary["status"] == "failed"
    assert ended.summary["push"]["pushed"] is True


def test_example_users_that_cannot_be_asked_do_not_fail_a_run_that_has_pushed(monkeypatch, tmp_path):
    def broken(bundle):
        raise RuntimeError("the bundle is broken")

    monkeypatch.setattr("pipelines.terminal.samples.sample_users", broken)
    monkeypatch.setattr("pipelines.local_run.stage_facts.read_bundle", lambda results: "bundle")
    ended = after_a_push(monkeypatch, tmp_path, "nobody")
    assert ended.done.code == 0, ended.done.text
    assert "Pushed: version 1700000000" in ended.done.out
    assert "RuntimeError: the bundle is broken" in ended.done.err


def test_a_run_whose_results_cannot_be_read_says_what_was_pushed(monkeypatch, tmp_path):
    def incomplete(results):
        raise InputError("the artifact is incomplete", action="run again")

    monkeypatch.setattr("pipelines.local_run.stage_facts.read_bundle", incomplete)
    ended = after_a_push(monkeypatch, tmp_path, "nobody")
    assert ended.done.code == 2
    assert "error: the run failed: the artifact is incomplete" in ended.done.err
    assert "Pushed: version 1700000000" in ended.done.out


def test_a_full_disk_hides_neither_the_stage_nor_the_cause(monkeypatch, tmp_path):
    """No room for the traceback, the summary and the report either."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    def opened(config, place, beam_pipeline_args=()):
        monkeypatch.setattr("pipelines.local_run.run.write_summary", full)
        monkeypatch.setattr("pipelines.local_run.reports.write", full)
        (place.path / "error.log").mkdir()  # cannot be written to
        (place.path / "orders").write_text("fail")
        return OpenedPipeline(pipeline=tiny_pipeline.create(place))

    monkeypatch.setattr("pipelines.local_run.run.open_recommender", opened)
    done = command.recommender("run", "--preset", "demo", "--output", tmp_path)
    assert done.code == 1
    assert "error: SecondStage failed: ValueError: the second stage is broken" in done.err
    assert "the summary could not be written: OSError: [Errno 28] No space left on device" in done.err
    assert "the whole traceback" not in done.err


@pytest.mark.parametrize(("train", "at_once"), [(1_999_980, 2), (1_999_981, 1)])
def test_two_stages_run_at_once_only_where_the_rows_are_known_and_few(train, at_once):
    ingested = OutputArtifact(uri="", properties={"rows_train": train, "rows_eval": 10, "rows_test": 10})
    before = StageResult(id="EntitySchema", seconds=1, cached=False, outputs={})
    after = StageResult(id="ExampleGen", seconds=1, cached=False, outputs={"examples": ingested})
    assert _stages_at_once([before]) == 1
    assert _stages_at_once([before, after]) == at_once
