import subprocess
import sys

TALK = """
import os, sys, warnings
from pipelines.terminal.quiet import quiet
with quiet(sys.argv[1]) as (out, err):
    os.write(1, b"native stdout\\n")
    os.write(2, b"native stderr\\n")
    print("python stdout")
    print("python stderr", file=sys.stderr)
    warnings.warn("a warning")
    print("result", file=out)
    print("progress", file=err)
print("after")
if "crash" in sys.argv:
    with quiet(sys.argv[1]):
        os.abort()
"""


def test_only_what_is_meant_reaches_the_terminal(tmp_path):
    log = tmp_path / "library.log"
    done = subprocess.run([sys.executable, "-c", TALK, log], capture_output=True, text=True, check=True)
    assert done.stdout == "result\nafter\n"
    assert done.stderr == "progress\n"
    assert set(log.read_text().splitlines()) == {"native stdout", "native stderr", "python stdout", "python stderr"}


def test_a_native_crash_is_not_silent(tmp_path):
    done = subprocess.run([sys.executable, "-c", TALK, tmp_path / "log", "crash"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "Fatal Python error" in done.stderr
