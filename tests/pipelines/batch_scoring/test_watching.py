"""Watching a job: words for a person, and limits that end what does not move."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import psutil
import pytest

from components.errors import InputError
from components.progress import LOGGER
from pipelines.batch_scoring.job import describe
from pipelines.batch_scoring.progress_files import Reporter
from pipelines.batch_scoring.publishing import Destination
from pipelines.batch_scoring.watching import AttemptFailedError, Limits, Request, ScoringFailedError, Watch, score


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
    clock = Clock()
    watch = Watch(str(tmp_path), Limits(), clock)
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


def test_the_last_word_is_the_whole_count_whatever_the_workers_told_before(tmp_path, said):
    watch = Watch(str(tmp_path))
    watch.end({"read": 1_031, "users": 1_030, "duplicates": 1, "rejected": 0})
    watch.end({"read": 5, "users": 3, "duplicates": 0, "rejected": 2})
    assert said() == [
        "all 1,031 records done: 1,030 users scored, 1 left out as duplicates",
        "all 5 records done: 3 users scored, 2 rejected",
    ]


def test_a_job_in_which_nothing_moves_is_ended_and_one_that_moves_is_not(tmp_path):
    clock = Clock()
    watch = Watch(str(tmp_path), Limits(stall_seconds=30), clock)
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
    clock = Clock()
    watch = Watch(str(tmp_path), Limits(seconds=60), clock)
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
                    if "pipelines.batch_scoring.job" in child.cmdline() and list(tmp_path.glob(".out.csv.attempt-*")):
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


@pytest.mark.slow
def test_a_process_that_stands_still_is_ended_with_all_that_it_started(bundle, tmp_path):
    def freeze():
        while not frozen:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "pipelines.batch_scoring.job" in child.cmdline():
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
