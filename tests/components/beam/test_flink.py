"""A job at Flink is ended when its client ends, and Flink's causes are told in words."""

from __future__ import annotations

import socket

import pytest

from components.beam import engines, flink
from tests.components.beam.flink_rest import flink as a_flink

JOBS = {
    "a": ("recommender-1234", "RUNNING"),
    "b": ("recommender-1234", "FINISHED"),
    "c": ("somebody else's", "RUNNING"),
}


def test_the_job_of_a_name_is_cancelled_and_nothing_else():
    with a_flink(JOBS) as there:
        assert flink.cancel(there.address, "recommender-1234") == 1
        assert there.states() == {"a": "CANCELED", "b": "FINISHED", "c": "RUNNING"}
        assert [request for request in there.asked if request.startswith("PATCH")] == ["PATCH /jobs/a?mode=cancel"]
        assert flink.cancel(f"http://{there.address}/", "recommender-1234") == 0


def test_a_job_that_goes_on_is_told_and_so_is_a_master_that_is_away():
    with a_flink(JOBS) as there:
        there.deaf = True
        with pytest.raises(TimeoutError, match="still runs"):
            flink.cancel(there.address, "recommender-1234", seconds=0)
    with pytest.raises(OSError, match="refused"):
        flink.cancel(there.address, "recommender-1234")


def test_a_job_is_found_by_a_name_of_its_own_behind_the_one_that_is_given():
    with a_flink({"a": ("nightly-ab12", "RUNNING"), "b": ("nightly", "RUNNING")}) as there:
        arguments = ["--runner=FlinkRunner", f"--flink_master={there.address}", "--job_name=nightly"]
        engines.end(engines.named(arguments, "ab12"))
        assert there.states() == {"a": "CANCELED", "b": "RUNNING"}
    assert engines.named([], "ab12")[-1] == "--job_name=recommender-ab12"


def test_what_was_left_is_ended_at_the_beginning_and_what_fails_at_the_end():
    with a_flink({"a": ("recommender-ab12", "RUNNING")}) as there:
        arguments = engines.named(["--runner=FlinkRunner", f"--flink_master={there.address}"], "ab12")
        with pytest.raises(KeyboardInterrupt), engines.nothing_left(arguments):
            assert there.states() == {"a": "CANCELED"}
            there.jobs["b"] = ("recommender-ab12", "RUNNING")
            raise KeyboardInterrupt
        assert there.states() == {"a": "CANCELED", "b": "CANCELED"}


def test_where_no_flink_is_named_nobody_is_asked_and_one_that_is_away_is_a_warning(caplog):
    engines.end(["--runner=FnApiRunner", "--job_name=recommender-1"])
    engines.end(["--runner=FlinkRunner", "--flink_master=[local]", "--job_name=recommender-1"])
    assert caplog.text == ""
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("localhost", 0))
        address = f"localhost:{taken.getsockname()[1]}"
        engines.end([f"--flink_master={address}", "--job_name=recommender-1"])
    assert f"recommender-1 could not be cancelled at the Flink master {address}" in caplog.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "Pipeline job-1 failed in state FAILED: java.lang.RuntimeException: CANCELLED: client cancelled",
            "a worker was lost",
        ),
        ("NoResourceAvailableException: The remote task manager was lost", "a task manager was lost"),
        ("java.net.ConnectException: Connection refused", "the Flink master flink:8081 does not answer any more"),
        (
            "AnnotatedConnectException: finishConnect(..) failed: Connection refused: localhost/127.0.0.1:50000",
            "a task manager found no worker pool",
        ),
        ("java.io.IOException: Insufficient number of network buffers: required 513", "taskmanager.memory.network.max"),
    ],
)
def test_what_flink_says_is_told_in_words(text, says):
    trace = f"JobException: Recovery is suppressed\n\tat org.apache.Flink(A.java:1)\nCaused by: {text}\n\t... 4 more"
    line = engines.told(RuntimeError(trace), ["--runner=FlinkRunner", "--flink_master=flink:8081"])
    assert says in line
    assert line.endswith(f"({text})")
    assert engines.told(RuntimeError("something else")) == "RuntimeError: something else"
