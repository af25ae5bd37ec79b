"""Watching a job: words for a person, and limits that end what does not move."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from components.batch_scoring.job import describe, make_folders
from components.batch_scoring.progress_files import Reporter
from components.batch_scoring.publishing import Destination
from components.batch_scoring.watching import (
    AttemptFailedError,
    AttemptWatch,
    Limits,
    Request,
    ScoringFailedError,
    score,
)
from components.errors import InputError
from components.progress import LOGGER
from tests.components.beam.flink_rest import flink


@pytest.fixture
def said(caplog):
    caplog.set_level("INFO")
    LOGGER.addHandler(caplog.handler)
    yield lambda: [record.getMessage() for record in caplog.records]
    LOGGER.removeHandler(caplog.handler)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_progress_tells_users_done_rate_and_what_is_left(tmp_path, said):
    make_folders(str(tmp_path))
    clock = Clock()
    watch = AttemptWatch(str(tmp_path), Limits(), clock)
    one, other = Reporter(str(tmp_path)), Reporter(str(tmp_path))
    watch.look()
    watch.expect(10_000)
    one.add(read=10_000)
    watch.look()
    one.add(scored=1_000)
    one.flush()
    watch.look()
    clock.now += 10
    other.add(scored=2_000)
    watch.look()
    assert said() == [
        "10,000 of 10,000 records read",
        "1,000 of 10,000 users scored",
        "3,000 of 10,000 users scored, 200/s, 35 s left",
    ]


def test_what_an_engine_does_twice_is_never_more_than_all(tmp_path, said):
    make_folders(str(tmp_path))
    watch = AttemptWatch(str(tmp_path), Limits(), Clock())
    watch.expect(100)
    worker = Reporter(str(tmp_path))
    worker.add(read=130, scored=120)
    watch.look()
    assert said() == ["100 of 100 users scored"]


def test_a_worker_that_is_late_does_not_bring_a_folder_back_that_was_given_up(tmp_path):
    folder = tmp_path / "attempt"
    make_folders(str(folder))
    worker = Reporter(str(folder))
    worker.add(read=1)
    shutil.rmtree(folder)
    with pytest.raises(InputError, match=f"the folder {folder} is not on"):
        worker.flush()
    assert not folder.exists()


def test_the_last_word_is_the_whole_count_whatever_the_workers_told_before(tmp_path, said):
    watch = AttemptWatch(str(tmp_path))
    watch.end({"read": 1_031, "users": 1_030, "duplicates": 1, "rejected": 0})
    watch.end({"read": 5, "users": 3, "duplicates": 0, "rejected": 2})
    assert said() == [
        "all 1,031 records done: 1,030 users scored, 1 left out as duplicates",
        "all 5 records done: 3 users scored, 2 rejected",
    ]


def test_a_job_in_which_nothing_moves_is_ended_and_one_that_moves_is_not(tmp_path):
    make_folders(str(tmp_path))
    clock = Clock()
    watch = AttemptWatch(str(tmp_path), Limits(stall_seconds=30), clock)
    worker = Reporter(str(tmp_path))
    for _ in range(5):
        clock.now += 29
        worker.add(steps=1)
        worker.flush()
        watch.look()
    clock.now += 31
    with pytest.raises(AttemptFailedError, match="no worker has done anything for 30 seconds"):
        watch.look()


def test_a_job_that_takes_too_long_is_ended_though_it_moves(tmp_path):
    make_folders(str(tmp_path))
    clock = Clock()
    watch = AttemptWatch(str(tmp_path), Limits(seconds=60), clock)
    worker = Reporter(str(tmp_path))
    worker.add(scored=5)
    clock.now += 61
    with pytest.raises(AttemptFailedError, match="the limit of 60 seconds is over, after 5 users"):
        watch.look()


WORKERS_TEXT = """Pipeline job-001 failed in state FAILED: Traceback (most recent call last):
  File "sdk_worker.py", line 300, in _execute
    raise unreadable(piece.path, error) from error
components.errors.InputError: /data/2.parquet cannot be read
  expected: a whole file
  received: Unexpected end of stream
  what to do: copy it again [while running 'Read']
"""


def test_an_error_of_a_worker_is_told_as_if_it_had_happened_here():
    told = describe(RuntimeError(WORKERS_TEXT))
    assert told["kind"] == "input"
    assert told["what"] == "/data/2.parquet cannot be read"
    assert told["received"] == "Unexpected end of stream"
    assert told["action"].startswith("copy it again")
    assert describe(InputError("bad", action="mend it"))["action"] == "mend it"
    assert describe(OSError(28, "No space left on device"))["kind"] == "disk"
    assert describe(RuntimeError("OSError: [Errno 28] No space left on device [while …]"))["kind"] == "disk"
    lost = describe(RuntimeError("bundle failed:SDK worker disconnected: worker[1]"))
    assert lost["kind"] == "failure"
    assert "a worker was lost" in lost["message"]


def request(bundle, tmp_path, **options):
    settings = {"users": "all", "n": 5, "limits": Limits(attempts=2), **options}
    destination = Destination(output=str(tmp_path / "out.csv"))
    return Request(model=str(bundle.path), version="7", destination=destination, **settings)


@pytest.mark.slow
def test_a_killed_process_costs_an_attempt_and_a_second_one_writes_every_user(bundle, tmp_path, said):
    def kill_the_first():
        while not killed:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "components.batch_scoring.job" in child.cmdline() and list(tmp_path.glob(".out.csv.attempt-*")):
                        killed.append(child.pid)
                        child.kill()
            time.sleep(0.05)

    killed: list[int] = []
    killer = threading.Thread(target=kill_the_first)
    killer.start()
    summary = score(request(bundle, tmp_path))
    killer.join()
    assert summary["users"] == 300
    (note,) = [line for line in said() if "attempt 1 of 2 failed" in line]
    assert "ended by SIGKILL" in note
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.summary.json"]


def attempt_of(parent):
    """The process of a job's attempt, and what it is told to do; waits for both."""
    while True:
        for child in psutil.Process(parent).children():
            with contextlib.suppress(psutil.NoSuchProcess, OSError, ValueError):
                if "components.batch_scoring.job" in child.cmdline():
                    return child, json.loads(Path(child.cmdline()[-2]).read_text())
        time.sleep(0.02)


def job_name(specification):
    return specification["beam_arguments"][-1].removeprefix("--job_name=")


@pytest.mark.slow
def test_a_job_that_is_given_up_is_cancelled_at_flink_before_the_next_attempt(bundle, tmp_path, said):
    # The job itself runs in memory: Flink's address is an option that only we look at then.
    def freeze():
        for job in ("first", "second"):
            child, specification = attempt_of(os.getpid())
            there.jobs[job] = (job_name(specification), "RUNNING")
            states.append(there.states())
            child.suspend()
            child.wait()

    states: list[dict[str, str]] = []
    with flink({}) as there:
        freezer = threading.Thread(target=freeze)
        freezer.start()
        options = ("--runner=FnApiRunner", f"--flink_master={there.address}")
        with pytest.raises(ScoringFailedError, match="no worker has done anything"):
            score(request(bundle, tmp_path, beam_arguments=options, limits=Limits(attempts=2, stall_seconds=3)))
        freezer.join()
    assert states == [{"first": "RUNNING"}, {"first": "CANCELED", "second": "RUNNING"}]
    assert there.states() == {"first": "CANCELED", "second": "CANCELED"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_killed_client_leaves_no_job_no_process_and_no_folder(bundle, tmp_path):
    with flink({}) as there:
        arguments = ["score", "--model", str(bundle.path), "--output", str(tmp_path / "out.csv")]
        options = f"--beam-pipeline-args=--runner=FnApiRunner --flink_master={there.address}"
        command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", *arguments, options]
        client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child, specification = attempt_of(client.pid)
        there.jobs["a"] = (job_name(specification), "RUNNING")
        while not Path(specification["folder"]).exists() and child.is_running():
            time.sleep(0.02)
        client.kill()
        client.wait()
        child.wait()
        assert there.states() == {"a": "CANCELED"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_process_that_stands_still_is_ended_with_all_that_it_started(bundle, tmp_path):
    def freeze():
        while not frozen:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "components.batch_scoring.job" in child.cmdline():
                        child.suspend()
                        frozen.append(child)
            time.sleep(0.05)

    frozen: list[psutil.Process] = []
    freezer = threading.Thread(target=freeze)
    freezer.start()
    start = time.monotonic()
    with pytest.raises(ScoringFailedError, match="no worker has done anything for 5 seconds") as failure:
        score(request(bundle, tmp_path, limits=Limits(stall_seconds=5)))
    freezer.join()
    assert time.monotonic() - start < 5 + 10 + 10
    assert not frozen[0].is_running()
    assert Path(failure.value.log).exists()
    assert list(tmp_path.iterdir()) == []
