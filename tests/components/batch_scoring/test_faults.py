"""A full disk, a damaged file, workers that are not there: told as such, not tried again, and nothing is left."""

from __future__ import annotations

import os
import socket
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.batch_scoring.job import describe
from components.batch_scoring.publishing import Destination
from components.batch_scoring.watching import Limits, Request, score
from components.errors import InputError
from tests.components.batch_scoring.jobs import score_in_memory


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_a_disk_that_fills_ends_the_job_and_leaves_what_was_there(bundle, small_disk, suffix):
    old = small_disk / f"out{suffix}"
    old.write_bytes(b"the rows of yesterday")
    with pytest.raises(Exception) as failure:
        score_in_memory(bundle.path, small_disk, output=old.name, overwrite=True, n=50)
    assert describe(failure.value)["kind"] == "disk", failure.value
    assert old.read_bytes() == b"the rows of yesterday"
    assert [path.name for path in small_disk.iterdir()] == [old.name]


def request(bundle, folder, *arguments, **options):
    settings = {"users": "all", "n": 50, "limits": Limits(attempts=3), **options}
    destination = Destination(output=str(folder / "out.parquet"))
    return Request(
        model=str(bundle.path), version="7", destination=destination, beam_arguments=list(arguments), **settings
    )


@pytest.mark.slow
def test_a_full_disk_is_told_by_its_name_and_not_tried_again(bundle, small_disk, caplog):
    with pytest.raises(InputError, match=f"the disk of {small_disk} is full") as failure:
        score(request(bundle, small_disk))
    assert "--output" in failure.value.action
    assert "attempt" not in caplog.text
    assert list(small_disk.iterdir()) == []


@pytest.mark.slow
def test_a_damaged_file_among_many_is_named_and_not_tried_again(bundle, tmp_path, caplog):
    shards, output = tmp_path / "shards", tmp_path / "output"
    shards.mkdir()
    for shard in range(3):
        users = [f"u{user}" for user in range(shard * 90, shard * 90 + 90)]
        pq.write_table(pa.table({"user_id": users}), shards / f"{shard}.parquet")
    content = bytearray((shards / "1.parquet").read_bytes())
    content[10:200] = bytes(190)  # its footer is whole: nothing is noticed before it is read
    (shards / "1.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"1\.parquet cannot be read"):
        score(request(bundle, output, users=str(shards)))
    assert "attempt" not in caplog.text
    assert list(output.iterdir()) == []


def test_where_no_worker_pool_listens_nothing_is_started(bundle, tmp_path):
    with socket.socket() as taken, socket.create_server(("localhost", 0)) as job_server:
        taken.bind(("localhost", 0))  # and not listening: nobody else gets the port
        pool, server = (f"localhost:{one.getsockname()[1]}" for one in (taken, job_server))
        external = ("--environment_type=EXTERNAL", f"--environment_config={pool}")
        with pytest.raises(InputError, match=f"no worker pool listens at {pool}"):
            score(request(bundle, tmp_path, "--runner=PortableRunner", f"--job_endpoint={server}", *external))
    assert list(tmp_path.iterdir()) == []
