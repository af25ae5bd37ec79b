import signal
import subprocess
import sys

import pytest

from components.errors import InputError
from pipelines.local_run.run_folder import locked, prepare

HOLD = """
import sys, time
from pipelines.local_run.run_folder import locked, prepare
with locked(prepare(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_folder_is_made_and_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = prepare("runs/mine")
    assert folder.path == tmp_path / "runs" / "mine"
    assert folder.path.is_dir()


@pytest.mark.parametrize("output", ["taken", "taken/below"])
def test_a_file_in_the_way_is_refused(tmp_path, output):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="a file is in the way"):
        prepare(tmp_path / output)


def test_a_folder_that_cannot_be_written_is_refused():
    with pytest.raises(InputError, match="cannot be written"):
        prepare("/proc/recommender")


def test_a_second_process_is_refused_until_the_first_has_died(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(InputError, match="another run") as error, locked(prepare(tmp_path)):
                pass
            assert str(holder.pid) in error.value.received
        finally:
            holder.send_signal(signal.SIGKILL)
    with locked(prepare(tmp_path)):
        pass


def test_another_folder_is_free(tmp_path):
    with locked(prepare(tmp_path / "one")), locked(prepare(tmp_path / "two")):
        pass
