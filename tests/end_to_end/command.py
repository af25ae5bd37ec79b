"""The command `recommender` as a person uses it: in this process, which saves the imports, or in one of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from components.push.versions import JUDGED
from pipelines.cli.main import main
from pipelines.local_run.run_folder import RunFolder

EXECUTABLE = Path(sys.executable).with_name("recommender")

QUICK = ("--set", "retrieval.epochs=4", "--set", "retrieval.eval_every=2", "--set", "ranking.epochs=40")
NO_FINAL_FIT = ("--final-fit", "none")
"""What is judged is pushed: for tests that do not look at the fit on all rows, a third of a small run."""
LENIENT = tuple(
    argument
    for bound in ("recall_lift.bound=-1", "recall_peer.rule=none", "rmse_ratio.bound=3")
    for argument in ("--set", f"evaluation.gates.{bound}")
)
"""Thresholds that every bundle passes: for tests of something else than its quality."""


@dataclasses.dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that has ended, with its summary and its report as they were then."""

    folder: RunFolder
    done: Done
    summary: dict[str, Any]
    report: str

    @property
    def cached(self) -> dict[str, bool]:
        """By stage: whether its result came from the cache."""
        return {stage["id"]: stage["cached"] for stage in self.summary["stages"]}

    @property
    def gates(self) -> dict[str, dict[str, Any]]:
        """By name."""
        return {gate["name"]: gate for gate in self.summary["evaluation"]["gates"]}


def recommender(*arguments: object) -> Done:
    """Runs the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)  # the command sets its own
    code: Any = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        finally:
            signal.signal(signal.SIGTERM, handler)
    return Done(int(code or 0), out.getvalue(), err.getvalue())


def run(folder: Path, *arguments: object) -> Run:
    """`recommender run ARGUMENTS --output FOLDER` in this process; the run must have got as far as a summary."""
    done = recommender("run", *arguments, "--output", folder)
    place = RunFolder(folder)
    assert place.summary.is_file(), done.text
    report = place.report.read_text() if place.report.is_file() else ""
    return Run(place, done, json.loads(place.summary.read_text()), report)


def start(*arguments: object) -> subprocess.Popen[str]:
    """Starts the command in a process of its own."""
    return subprocess.Popen(
        [EXECUTABLE, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def versions(folder: RunFolder) -> list[str]:
    """Everything at the push destination but what was judged, half-written folders included."""
    names = sorted(child.name for child in folder.pushed_model.glob("*") if child.name != JUDGED)
    return names + sorted(child.name for child in folder.pushed_model.glob(".*"))


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def assert_explained(done: Done, *codes: int) -> None:
    """The command failed with one of the codes and a message that a person can act on."""
    assert done.code in codes, done.text
    assert "error:" in done.err
    assert "what to do:" in done.err
    assert "Traceback" not in done.text
