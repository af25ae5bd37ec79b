import os

import pytest

from components.errors import InputError
from pipelines.cli.models import find_model


def version(folder, name, *, complete=True, at=0):
    path = folder / name
    path.mkdir(parents=True)
    if complete:
        (path / "saved_model.pb").write_bytes(b"")
        os.utime(path / "saved_model.pb", (at, at))
    return path


def test_the_newest_complete_version_of_a_folder(tmp_path):
    version(tmp_path, "9")
    wanted = version(tmp_path, "10")
    version(tmp_path, "11", complete=False)
    assert find_model(str(tmp_path)) == wanted


def test_a_version_itself(tmp_path):
    wanted = version(tmp_path, "9")
    assert find_model(str(wanted)) == wanted


def test_the_newest_version_that_a_run_has_pushed(tmp_path):
    version(tmp_path / "pushed_model", "9")
    wanted = version(tmp_path / "pushed_model", "10")
    (tmp_path / "artifacts").mkdir()
    assert find_model(str(tmp_path)) == wanted


def test_the_version_pushed_last_of_all_runs(tmp_path):
    version(tmp_path / "runs" / "one" / "pushed_model", "500", at=100)
    wanted = version(tmp_path / "runs" / "two" / "pushed_model", "400", at=200)
    assert find_model(None, tmp_path / "runs") == wanted


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "no versions"])
def test_a_place_without_a_model_is_described(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("")
    elif kind != "missing":
        place.mkdir()
    if kind == "no versions":
        (place / "notes").mkdir()
    with pytest.raises(InputError) as error:
        find_model(str(place))
    expected = {"missing": "no such folder", "file": "a file", "empty": "nothing", "no versions": "notes"}
    assert expected[kind] in error.value.received


def test_no_run_at_all(tmp_path):
    with pytest.raises(InputError, match="no pushed model"):
        find_model(None, tmp_path / "runs")
