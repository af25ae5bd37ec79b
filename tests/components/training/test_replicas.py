"""One worker, two replicas in a process and two worker processes come to the same."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from components.errors import InputError
from components.training import replicas


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(strategy, **environment):
    command = [sys.executable, "-m", "tests.components.training.worker", strategy]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **quiet, **environment}
    )


def result(process):
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def alone():
    return result(start("none"))


def assert_the_same_within_noise(found, alone):
    assert found["rmse"] == pytest.approx(alone["rmse"], abs=0.05)
    assert found["ndcg"] == pytest.approx(alone["ndcg"], abs=0.1)  # of both losses, the softmax and the squared error
    assert found["plain"] == alone["plain"]  # what is exported knows nothing of replicas


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_worker_processes_come_to_what_one_comes_to_and_hold_the_same_weights(alone):
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    tasks = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in range(2)]
    workers = [start("multi_worker", TF_CONFIG=json.dumps(task)) for task in tasks]
    first, second = [result(worker) for worker in workers]
    assert first["replicas"] == second["replicas"] == 2
    assert first == second
    assert_the_same_within_noise(first, alone)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_replicas_in_one_process_come_to_what_one_comes_to(alone):
    found = result(start("mirrored"))
    assert found["replicas"] == 2
    assert_the_same_within_noise(found, alone)


def test_several_workers_without_their_addresses_are_the_users_error(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match="TF_CONFIG"):
        replicas.create_replicas("multi_worker")


@pytest.mark.parametrize(
    ("task", "cluster", "chief"),
    [
        (None, {}, True),
        ({"type": "worker", "index": 0}, {"worker": ["a", "b"]}, True),
        ({"type": "worker", "index": 1}, {"worker": ["a", "b"]}, False),
        ({"type": "chief", "index": 0}, {"chief": ["a"], "worker": ["b"]}, True),
        ({"type": "worker", "index": 0}, {"chief": ["a"], "worker": ["b"]}, False),
    ],
)
def test_one_worker_writes_what_counts(monkeypatch, task, cluster, chief):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task} if task else {}))
    assert replicas.is_chief() == chief


def test_one_replica_takes_the_whole_batch():
    (part,) = replicas.Replicas().local_parts(5)
    assert part.tolist() == np.arange(5).tolist()
