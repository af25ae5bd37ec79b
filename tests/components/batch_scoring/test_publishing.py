"""An output is whole, in one step, or not there; what was there is lost only when that was asked for."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from components.batch_scoring import publishing
from components.batch_scoring.publishing import Destination, prepare, publish
from components.errors import InputError


def ready(destination, text, rejected=""):
    """An attempt's folder as a job leaves it."""
    folder = Path(destination.attempt_folder())
    rows = folder / "ready" / f"rows{destination.suffix}"
    if destination.shards > 1:
        rows.mkdir(parents=True)
        for shard in range(destination.shards):
            (rows / f"part-{shard}{destination.suffix}").write_text(text)
    else:
        rows.parent.mkdir(parents=True)
        rows.write_text(text)
    (folder / "ready" / "summary.json").write_text(json.dumps({"text": text}))
    if rejected:
        (folder / "ready" / "rejected.jsonl").write_text(rejected)
    return str(folder)


def content(destination):
    output = Path(destination.output)
    files = sorted(output.glob("part-*")) if output.is_dir() else [output]
    return {file.read_text() for file in files}


@pytest.mark.parametrize("shards", [1, 2])
def test_an_output_that_exists_is_refused_and_replaced_only_on_demand(tmp_path, shards):
    first = Destination(output=str(tmp_path / "deep" / "out.csv"), shards=shards)
    prepare(first)
    publish(first, ready(first, "old", rejected="one\n"))
    assert Path(first.rejected).read_text() == "one\n"
    with pytest.raises(InputError, match="exists already"):
        prepare(first)
    with pytest.raises(InputError, match="exists already"):  # it came up while the job ran
        publish(first, ready(first, "new"))
    assert content(first) == {"old"}
    second = Destination(output=first.output, shards=shards, overwrite=True)
    prepare(second)
    publish(second, ready(second, "new"))
    assert content(second) == {"new"}
    assert json.loads(Path(second.summary).read_text()) == {"text": "new"}
    assert not Path(second.rejected).exists()


def test_a_folder_replaces_a_file_and_a_file_a_folder(tmp_path):
    one, several = (Destination(output=str(tmp_path / "out.csv"), shards=n, overwrite=True) for n in (1, 3))
    for destination in (one, several, one):
        prepare(destination)
        publish(destination, ready(destination, "x"))
        assert content(destination) == {"x"}


def test_a_folder_that_is_no_earlier_output_is_never_replaced(tmp_path):
    precious = tmp_path / "runs.csv"
    precious.mkdir()
    (precious / "model").write_text("weeks of work")
    with pytest.raises(InputError, match="not one that batch scoring has written"):
        prepare(Destination(output=str(precious), overwrite=True))
    assert (precious / "model").read_text() == "weeks of work"


@pytest.mark.parametrize("exchange", [True, False])
def test_a_reader_never_finds_half_of_a_replaced_output(tmp_path, exchange, monkeypatch):
    if not exchange:
        monkeypatch.setattr(publishing, "_exchange", lambda one, other: False)
    destination = Destination(output=str(tmp_path / "out.csv"), shards=20, overwrite=True)
    publish(destination, ready(destination, "0"))
    seen, stop = [], threading.Event()

    def look():
        while not stop.is_set():
            try:
                folder = os.open(destination.output, os.O_RDONLY)  # the folder of this moment
            except FileNotFoundError:
                assert not exchange
                continue
            names = os.listdir(folder)  # noqa: PTH208 - by descriptor
            seen.append([name for name in names if name.startswith("part-")])
            os.close(folder)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 30):
        publish(destination, ready(destination, str(number)))
    stop.set()
    reader.join()
    assert {len(names) for names in seen} - {0} == {20}


@pytest.mark.parametrize("output", ["out.txt", "out", "file.txt/out.csv", "/proc/x/out.csv"])
def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path, output):
    (tmp_path / "file.txt").write_text("in the way")
    with pytest.raises(InputError):
        prepare(Destination(output=str(tmp_path / output)))


def test_folders_that_killed_attempts_left_behind_are_removed_after_a_day(tmp_path):
    destination = Destination(output=str(tmp_path / "out.csv"))
    old, young = (Path(ready(destination, "x")) for _ in range(2))
    yesterday = time.time() - publishing.STALE_SECONDS - 60
    for path in [*old.rglob("*"), old]:
        os.utime(path, (yesterday, yesterday))
    prepare(destination)
    assert not old.exists()
    assert young.exists()
