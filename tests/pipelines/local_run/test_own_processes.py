"""Stages in processes of their own, two at a time; in a program of its own, for pytest has used TensorFlow."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "tests.pipelines.local_run.two_branches"]


def runs(folder, *orders):
    done = subprocess.run([*PROGRAM, str(folder), *orders], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_two_stages_meet_and_the_failure_of_one_leaves_the_work_of_the_other(tmp_path):
    refused, died, well, again = runs(tmp_path, "refuse", "die", "", "")

    assert (refused["status"], refused["stages"]) == ("failed", {"left": "failed", "right": "ok"})
    assert refused["message"] == "the ratings are empty\n  expected: rows"
    assert refused["log"] == ""
    assert refused["notices"] == ["right has met left"]
    assert "note: right has met left" in refused["shown"]
    assert [path.split("/")[0] for path in refused["folders"]] == ["right"]

    assert (died["status"], died["stages"]["left"]) == ("failed", "failed")
    assert "the system has killed its process" in died["message"]
    assert "ProcessEndedError" in died["log"]

    assert (well["status"], well["stages"]["left"]) == ("ok", "ok")
    assert again["stages"] == {"left": "cached", "right": "cached"}


def test_an_interrupted_run_ends_its_processes_and_what_they_had_half_written(tmp_path):
    process = subprocess.Popen([*PROGRAM, str(tmp_path), "wait"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "waiting").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    (told,) = [json.loads(line) for line in process.communicate()[0].splitlines() if line.startswith("{")]
    assert told["status"] == "interrupted"
    assert told["stages"]["left"] == "interrupted"
    assert not [path for path in told["folders"] if path.startswith("left")]
    assert "interrupted after" in told["shown"]
