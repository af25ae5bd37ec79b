"""The job on Prism, Beam's portable engine, with workers in processes of their own: same rows, and faults.

Every test starts the job as `recommender score` does.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from components.batch_scoring.progress_files import ProgressReader
from components.batch_scoring.publishing import Destination
from components.batch_scoring.watching import Limits, Request, ScoringFailedError, score
from tests.components.batch_scoring.engines import (
    FORWARD,
    find_prism,
    listening,
    other_network,
    prism_server,
    worker_pool,
)
from tests.components.batch_scoring.jobs import Scored, content_hash
from tests.components.bundle.small_bundle import build_bundle

pytestmark = pytest.mark.slow

PEOPLE = 60_000
ITEMS = 1200  # enough for ScaNN


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A bundle with a ScaNN index, whose workers need its operations."""
    rng = np.random.default_rng(3)
    return build_bundle(
        tmp_path_factory.mktemp("bundle") / "11",
        item_ids=[f"m{item}" for item in range(ITEMS)],
        genres=[["Drama"]] * ITEMS,
        vectors=rng.normal(size=(ITEMS, 16)),
        biases=rng.normal(size=ITEMS),
        users={f"u{user}": rng.choice(ITEMS, rng.integers(1, 40), replace=False).tolist() for user in range(2000)},
        test_rows={},
        scann=True,
    ).path


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A file of users for which small blocks keep a worker busy for some ten seconds."""
    path = tmp_path_factory.mktemp("people") / "people.txt"
    path.write_text("".join(f"u{user}\n" for user in range(PEOPLE)))
    return path


@pytest.fixture(scope="module")
def prism(tmp_path_factory):
    with prism_server(tmp_path_factory.mktemp("prism") / "prism.log") as process:
        yield process


@pytest.fixture
def pool(tmp_path):
    with worker_pool(tmp_path / "pool.log") as process:
        yield process


def external(prism, pool, host="localhost"):
    return (
        "--runner=PortableRunner",
        f"--job_endpoint=localhost:{prism.port}",
        "--environment_type=EXTERNAL",
        f"--environment_config={host}:{pool.port}",
    )


def request(model, output, *arguments, **options):
    settings = {"users": "all", "n": 5, "block_users": 128, "limits": Limits(stall_seconds=120), **options}
    return Request(
        model=str(model),
        version="11",
        destination=Destination(output=str(output)),
        beam_arguments=arguments,
        **settings,
    )


def rows_of(wanted):
    summary = score(wanted)
    return Scored(wanted.destination, summary)


def test_every_engine_gives_the_very_same_rows(model, prism, pool, tmp_path):
    engines = {
        "memory": (),
        "threads": ("--runner=FnApiRunner", "--direct_running_mode=multi_threading", "--direct_num_workers=2"),
        "loopback": ("--runner=PrismRunner", f"--prism_location={find_prism()}"),
        "external": external(prism, pool),
    }
    done = {name: rows_of(request(model, tmp_path / f"{name}.parquet", *options)) for name, options in engines.items()}
    assert {one.summary["users"] for one in done.values()} == {2000}
    assert {len(one.rows) for one in done.values()} == {10_000}
    hashes = {name: content_hash(one.rows) for name, one in done.items()}
    assert len(set(hashes.values())) == 1, hashes
    assert done["external"].summary["engine"] == "PortableRunner, EXTERNAL workers"


def test_workers_in_another_network_need_one_tunnel_and_give_the_same_rows(model, prism, tmp_path):
    with contextlib.ExitStack() as stack:
        inside, there, here = stack.enter_context(other_network())
        pool = stack.enter_context(worker_pool(tmp_path / "pool.log", inside=inside, host=there))
        # Prism tells its workers `localhost:<its job port>`, whoever they are: on their side a tunnel listens there.
        tunnel = [*inside, sys.executable, "-c", FORWARD, str(prism.port), here]
        stack.enter_context(listening(tunnel, prism.port, tmp_path / "tunnel.log", there))
        remote = rows_of(request(model, tmp_path / "remote.parquet", *external(prism, pool, there)))
    local = rows_of(request(model, tmp_path / "local.parquet"))
    assert content_hash(remote.rows) == content_hash(local.rows)


class Running:
    """A job in a thread, to be disturbed."""

    def __init__(self, wanted: Request) -> None:
        self._wanted = wanted
        self._thread = threading.Thread(target=self._run)
        self.error: Exception | None = None
        self.summary = None
        self._thread.start()

    def _run(self) -> None:
        try:
            self.summary = score(self._wanted)
        except Exception as error:
            self.error = error

    def wait_until_scoring(self, users: int = 500) -> None:
        output = Path(self._wanted.destination.output)
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            assert self._thread.is_alive(), self.error
            attempts = list(output.parent.glob(f".{output.name}.attempt-*"))
            if any(ProgressReader(str(folder)).read().scored >= users for folder in attempts):
                return
            time.sleep(0.05)
        raise AssertionError("the job does not get to scoring")

    def end(self, seconds: float) -> float:
        start = time.monotonic()
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"still running after {seconds} s"
        return time.monotonic() - start


def nothing_is_left(folder):
    return [path.name for path in folder.iterdir() if "out.parquet" in path.name] == []


def test_a_killed_worker_costs_an_attempt_and_no_user(model, people, prism, pool, tmp_path):
    limits = Limits(attempts=2, stall_seconds=120)
    job = Running(
        request(
            model, tmp_path / "out.parquet", *external(prism, pool), users=str(people), block_users=16, limits=limits
        )
    )
    job.wait_until_scoring()
    (worker,) = pool.children()
    worker.kill()
    job.end(400)
    assert job.error is None
    done = Scored(Destination(output=str(tmp_path / "out.parquet")), job.summary)
    assert sorted(done.by_user) == sorted(f"u{user}" for user in range(PEOPLE))
    assert {len(rows) for rows in done.by_user.values()} == {5}
    assert not list(tmp_path.glob(".out*"))


def test_a_killed_worker_without_another_attempt_is_told_at_once(model, people, prism, pool, tmp_path):
    job = Running(request(model, tmp_path / "out.parquet", *external(prism, pool), users=str(people), block_users=16))
    job.wait_until_scoring()
    (worker,) = pool.children()
    worker.kill()
    assert job.end(60) < 30
    assert isinstance(job.error, ScoringFailedError)
    assert "a worker was lost" in str(job.error)
    assert Path(job.error.log).read_text()
    assert nothing_is_left(tmp_path)


def test_a_frozen_worker_ends_the_job_within_the_limit(model, people, prism, pool, tmp_path):
    job = Running(
        request(
            model,
            tmp_path / "out.parquet",
            *external(prism, pool),
            users=str(people),
            block_users=16,
            limits=Limits(stall_seconds=60),
        )
    )
    job.wait_until_scoring()
    (worker,) = pool.children()
    worker.suspend()
    took = job.end(60 + 30)
    assert took > 50
    assert isinstance(job.error, ScoringFailedError)
    assert "no worker has done anything for 60 seconds" in str(job.error)
    worker.resume()  # what it still writes has no place to go
    time.sleep(3)
    assert nothing_is_left(tmp_path)


def test_a_job_server_that_goes_away_is_told(model, people, pool, tmp_path):
    with prism_server(tmp_path / "prism.log") as own:
        job = Running(request(model, tmp_path / "out.parquet", *external(own, pool), users=str(people), block_users=16))
        job.wait_until_scoring()
        own.popen.kill()
        job.end(60)
    assert isinstance(job.error, ScoringFailedError)
    assert "the job server does not answer any more" in str(job.error)
    assert nothing_is_left(tmp_path)
