"""Which folders are versions, and when one of them is complete."""

import os
import time

import pytest

from serving.models.folders import Fingerprint, VersionWatch, has_all_files, version_folders

WHOLE = ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]


def state(names):
    return Fingerprint(frozenset((name, 1, 1) for name in names), 0.0)


@pytest.mark.parametrize(
    ("names", "complete"),
    [
        (WHOLE, True),
        ([*WHOLE, "assets/titles.txt", "assets.extra/bundle.json"], True),
        (["saved_model.pb"], True),  # a graph without variables
        (["saved_model.pbtxt", *WHOLE[1:]], True),
        (WHOLE[1:], False),
        (WHOLE[:2], False),
        ([WHOLE[0], WHOLE[2]], False),
        ([*WHOLE[:2], "variables/variables.data-00000-of-00002"], False),
        ([*WHOLE[:2], *(f"variables/variables.data-0000{part}-of-00002" for part in (0, 1))], True),
        ([], False),
    ],
)
def test_a_version_has_a_graph_and_all_parts_of_its_variables(names, complete):
    assert has_all_files(state(names)) is complete


def test_only_numbered_folders_are_versions(tmp_path):
    for name in ("1", "20", ".incoming-3", "latest", "1.5", "-4", "٣"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file")
    assert version_folders(tmp_path) == {1: tmp_path / "1", 20: tmp_path / "20"}
    with pytest.raises(OSError):
        version_folders(tmp_path / "gone")


def test_a_version_that_is_still_written_is_not_complete(tmp_path, monkeypatch):
    for name in WHOLE:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
        os.utime(path, (0, 0))  # a copy that keeps the times of the original
    watch = VersionWatch(tmp_path)
    assert watch.changed()
    assert not watch.is_complete(1.0)
    (tmp_path / WHOLE[2]).write_text("half and half")
    assert watch.changed()
    later = time.time() + 10
    monkeypatch.setattr(time, "time", lambda: later)
    assert not watch.changed()
    assert watch.is_complete(1.0)
