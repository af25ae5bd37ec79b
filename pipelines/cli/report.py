"""`recommender report`: the page about a run, written anew and opened."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path
from typing import Any

import click

from components.errors import InputError
from pipelines.cli.consoles import console_for
from pipelines.cli.paths import describe
from pipelines.local_run.run_folder import RunFolder, require_folder


@click.command()
@click.argument("run", required=False)
@click.option("--output", metavar="FILE", help="Where the page goes.  [default: report.html in the run's folder]")
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
def report(run: str | None, output: str | None, open_it: bool) -> None:
    """Write the page about a run: figures, verdicts, curves, example users.

    RUN is the folder of a run; without it, the one under runs/ that was started last. The page is a single file
    that needs no other file and no network. `recommender run` writes it too; this command writes it again, even
    for a run that failed.
    """
    folder = find_run(run)
    summary = read_summary(folder)
    path = Path(output).expanduser().absolute() if output else folder.report
    if path.is_dir():
        raise InputError(
            f"the page cannot be written: {path} is a folder",
            expected="the path of a file",
            received=str(output),
            action="name a file, for instance --output report.html",
        )
    require_folder(path.parent)
    from pipelines.local_run import reports

    reports.write(summary, path)
    console_for(sys.stdout).print(str(path), soft_wrap=True, highlight=False, markup=False)
    if open_it and not webbrowser.open(path.as_uri()):
        raise InputError(
            "no browser could be started", expected="a machine with a browser", action=f"open {path} yourself"
        )


def find_run(run: str | None, runs: Path = Path("runs")) -> RunFolder:
    """The folder of a run.

    Args:
      run: The folder; None: that of the run under `runs/` whose summary is the newest.
      runs: Where runs lie.

    Raises:
      InputError: There is none.
    """
    if run is not None:
        folder = RunFolder(Path(run).expanduser().absolute())
        if folder.summary.is_file():
            return folder
        raise InputError(
            f"there is no run in {folder.path}",
            expected="the folder of a run (it holds summary.json)",
            received=describe(folder.path),
            action="name runs/<preset>, or make one: recommender run",
        )
    summaries = sorted(runs.absolute().glob("*/summary.json"), key=lambda path: path.stat().st_mtime)
    if not summaries:
        raise InputError(
            f"no run was found under {runs.absolute()}",
            expected=f"{runs}/<preset>/summary.json",
            action="make one first: recommender run; or name its folder",
        )
    return RunFolder(summaries[-1].parent)


def read_summary(folder: RunFolder) -> dict[str, Any]:
    """The run's `summary.json`.

    Raises:
      InputError: It is no JSON.
    """
    try:
        return dict(json.loads(folder.summary.read_text(encoding="utf-8")))
    except ValueError as error:
        raise InputError(
            f"{folder.summary} cannot be read: {error}",
            expected="what recommender run writes",
            action="run the same command again: unchanged stages come from the cache",
        ) from error
