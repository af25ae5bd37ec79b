"""Which lock a machine takes, and what it is told where it can take none."""

import os
import subprocess
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[2] / "tools" / "bootstrap.sh"


def choose(tmp_path, **programs):
    """What the script says on a machine whose programs print this."""
    for name, text in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([BOOTSTRAP, "choose"], env=environment, capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.mark.parametrize("glibc", ["2.39", "2.41", "2.100", "3.0"])
def test_a_newer_glibc_takes_the_current_lock(tmp_path, glibc):
    code, said = choose(tmp_path, getconf=f"echo glibc {glibc}")
    assert code == 0
    assert said.startswith("requirements.lock with Python 3.13 or 3.12: ")
    assert f"glibc is {glibc}" in said


@pytest.mark.parametrize("glibc", ["2.36", "2.38", "2.4"])
def test_an_older_glibc_takes_the_legacy_lock_and_hears_of_the_images(tmp_path, glibc):
    code, said = choose(tmp_path, getconf=f"echo glibc {glibc}")
    assert code == 0
    assert said.startswith("requirements-legacy.lock with Python 3.10: ")
    assert f"glibc is {glibc} and TFX 1.21 needs 2.39" in said
    assert "make images" in said


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        ({"getconf": "exit 1"}, "expected: glibc 2.28 or newer"),
        ({"uname": 'if [ "$1" = -m ]; then echo aarch64; else echo Linux; fi'}, "received: Linux aarch64"),
    ],
)
def test_a_machine_without_wheels_is_refused_with_what_to_do(tmp_path, programs, expected):
    code, said = choose(tmp_path, **programs)
    assert code == 1
    assert expected in said
    assert "what to do:" in said
