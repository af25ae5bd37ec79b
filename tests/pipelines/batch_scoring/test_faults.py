"""A disk that fills, and engines that cannot be had here."""

from __future__ import annotations

import os
import subprocess

import pytest

from pipelines.batch_scoring.job import describe
from tests.pipelines.batch_scoring.jobs import score_in_memory


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
