"""A server or a store that is killed loses no event that was acknowledged."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import threading
import time

import httpx
import pytest

from serving.errors import UnavailableError
from serving.events.store import StoreError, open_store
from tests.serving.client.scripted_servers import free_port
from tests.serving.model_server import running_server

WRITERS = 4
WANTED = 60
"""Requests that must have been acknowledged before the kill."""


def write_until_killed(url, acknowledged, stop, number):
    step = 0
    while not stop.is_set():
        step += 1
        events = [{"user": f"u{number}", "item": f"m{n}", "id": f"{number}-{step}-{n}"} for n in range(3)]
        try:
            answer = httpx.post(f"{url}/v1/events", json={"events": events}, timeout=30)
        except httpx.TransportError:
            return
        if answer.status_code == 200:
            acknowledged += [event["id"] for event in events]


def kill_among_writers(url, kill):
    acknowledged, stop = [], threading.Event()
    threads = [
        threading.Thread(target=write_until_killed, args=(url, acknowledged, stop, number)) for number in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 3 * WANTED:
        time.sleep(0.01)
    kill()
    stop.set()
    for thread in threads:
        thread.join()
    return acknowledged


def kept(store):
    return {event.id for event in store.between(0, time.time() + 86_400)}


def test_a_server_that_is_killed(served_models, tmp_path):
    url = f"sqlite:///{tmp_path}/events.db"
    with running_server(served_models, tmp_path / "log.txt", None, "--event-store", url) as server:
        acknowledged = kill_among_writers(
            server.rest, lambda: subprocess.run(["kill", "-9", str(server.pid)], check=True)
        )
    store = open_store(url)
    assert len(acknowledged) >= 3 * WANTED
    assert set(acknowledged) <= kept(store)
    store.close()


@contextlib.contextmanager
def redis_server(folder, port, appendonly="yes"):
    """Redis as docs/events.md has it: what it acknowledges is on the disk."""
    command = ["redis-server", "--port", str(port), "--dir", str(folder), "--appendonly", appendonly]
    process = subprocess.Popen([*command, "--appendfsync", "always", "--save", ""], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def opened(url):
    """The store, when it has started."""
    while True:
        with contextlib.suppress(StoreError):
            return open_store(url)
        time.sleep(0.05)


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
def test_a_redis_that_keeps_nothing_is_told(tmp_path):
    port = free_port()
    with redis_server(tmp_path, port, appendonly="no"):
        (note,) = opened(f"redis://127.0.0.1:{port}/0").check()
    assert "appendonly yes" in note and f"127.0.0.1:{port}" in note


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
def test_a_redis_that_is_killed_and_comes_back(served_models, tmp_path):
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(redis_server(tmp_path, port))
        assert opened(url).check() == []
        server = stack.enter_context(running_server(served_models, tmp_path / "log.txt", None, "--event-store", url))
        ask = {"instances": ["Ann"]}

        def source():
            answer = httpx.post(f"{server.rest}/v1/models/recommender:predict", json=ask, timeout=60)
            assert answer.status_code == 200
            return answer.json()["predictions"][0]["source"]

        acknowledged = kill_among_writers(server.rest, lambda: process.send_signal(signal.SIGKILL))
        process.wait()
        assert source() == "model"  # from the bundle alone
        refused = httpx.post(f"{server.rest}/v1/events", json={"events": [{"user": "Ann", "item": "d"}]}, timeout=60)
        assert refused.status_code == UnavailableError.status.http
        stack.enter_context(redis_server(tmp_path, port))
        assert set(acknowledged) <= kept(opened(url))
        sent = {"events": [{"user": "Ann", "item": "d"}]}
        while httpx.post(f"{server.rest}/v1/events", json=sent, timeout=60).status_code != 200:
            time.sleep(0.1)
        while source() != "history":  # readers leave a store that failed alone for a second
            time.sleep(0.1)
