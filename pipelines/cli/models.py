"""Finds the bundle that a question is for."""

from __future__ import annotations

from pathlib import Path

from components.errors import InputError
from components.push.versions import complete_versions, newest
from pipelines.cli.paths import describe
from pipelines.local_run.run_folder import RunFolder
from serving.contract import SAVED_MODEL_FILE

MODEL_HELP = "A pushed version, a folder of versions, or a run's folder.  [default: pushed last under runs/]"


def find_model(model: str | None, runs: Path = Path("runs")) -> Path:
    """The folder of a version.

    Args:
      model: A version's folder, a folder of versions or a run's folder (then the newest); None: the
        version that was pushed last under `runs/*/pushed_model`.
      runs: Where runs lie.

    Raises:
      InputError: There is none.
    """
    if model is None:
        return _newest_of(runs)
    path = Path(model).expanduser().absolute()
    if (path / SAVED_MODEL_FILE).is_file():
        return path
    for versions in (path, RunFolder(path).pushed_model):
        version = newest(versions) if versions.is_dir() else None
        if version is not None:
            return versions / str(version)
    raise InputError(
        f"there is no model in {path}",
        expected="the folder of a pushed version (it holds saved_model.pb), of several versions, or of a run",
        received=describe(path),
        action="name runs/<preset>, or train one: recommender run (a bundle that was refused is not pushed)",
    )


def _newest_of(runs: Path) -> Path:
    pushed = [
        folder / str(version)
        for folder in runs.absolute().glob("*/pushed_model")
        for version in complete_versions(folder)
    ]
    if not pushed:
        raise InputError(
            f"no pushed model was found under {runs.absolute()}",
            expected=f"a version in {runs}/<preset>/pushed_model",
            action="train one first: recommender run; or name one with --model DIR",
        )
    return max(pushed, key=lambda path: (path / SAVED_MODEL_FILE).stat().st_mtime)
