"""Which versions lie at a push destination: numbered folders, complete ones only.

Shared by the pipeline and by the command line; imports neither TFX nor TensorFlow (but for an
address with a scheme, which TensorFlow opens).
"""

from __future__ import annotations

import dataclasses
import os

from components.storage import Storage, storage_for, tree_digest
from serving.contract import SAVED_MODEL_FILE

JUDGED = "judged"
"""Folder beside the versions that holds the judged twins of those which were trained on all rows."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OtherVersion:
    """A complete version that is another model than the one in question.

    Attributes:
      version: Its number.
      path: The folder of the model that was judged as this version.
      digest: SHA-256 of its tree.
    """

    version: int
    path: str
    digest: str


def complete_versions(directory: str | os.PathLike[str]) -> list[int]:
    """Version numbers at the destination, oldest first; empty where nothing was ever pushed.

    A version is a folder whose name is a whole number in plain digits and that holds a
    `saved_model.pb`. Anything else there (`.incoming-…`, a half-copied folder) is no version.
    """
    base = _text(directory)
    storage = storage_for(base)
    return [number for number in _numbers(storage, base) if is_complete(storage, version_path(base, number))]


def newest(directory: str | os.PathLike[str]) -> int | None:
    """The newest complete version, which is the one that a model server serves; None without one."""
    return max(complete_versions(directory), default=None)


def version_path(directory: str | os.PathLike[str], version: int) -> str:
    """The folder of a version."""
    return f"{_text(directory)}/{version}"


def next_version(directory: str | os.PathLike[str], now_seconds: float) -> int:
    """The Unix time, or one more than the highest number there, complete or not."""
    base = _text(directory)
    storage = storage_for(base)
    taken = [*_numbers(storage, base), *_numbers(storage, f"{base}/{JUDGED}")]
    return max([int(now_seconds), *(number + 1 for number in taken)])


def judged_path(directory: str | os.PathLike[str], version: int) -> str:
    """The folder of the model that was judged before a version was pushed.

    The version itself, unless it was trained on all rows after the judgement: then its judged twin, which has not seen
    the test rows and is what later versions are compared with.
    """
    twin = f"{_text(directory)}/{JUDGED}/{version}"
    return twin if is_complete(storage_for(twin), twin) else version_path(directory, version)


def newest_other(directory: str | os.PathLike[str], model: str | None) -> OtherVersion | None:
    """The newest complete version that was not judged as the very model in the folder `model` (None: the newest)."""
    own = None if model is None else tree_digest(model)
    for version in reversed(complete_versions(directory)):
        path = judged_path(directory, version)
        digest = tree_digest(path)
        if digest != own:
            return OtherVersion(version=version, path=path, digest=digest)
    return None


def is_complete(storage: Storage, path: str) -> bool:
    """Whether the version folder holds the file that is written last."""
    return storage.exists(f"{path}/{SAVED_MODEL_FILE}")


def _numbers(storage: Storage, base: str) -> list[int]:
    names = storage.names(base)
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and str(int(name)) == name)


def _text(directory: str | os.PathLike[str]) -> str:
    text = os.fspath(directory)
    return text.rstrip("/") or text
