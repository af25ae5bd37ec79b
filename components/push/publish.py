"""Publishes a model folder as the next version, whole or not at all.

On a local folder or a mounted volume the files are copied into `.incoming-<uuid>` beside the
versions and appear by one rename. An object store (`gs://`) has no atomic rename: there the files
go straight into the version folder, `saved_model.pb` last, and a folder without it is no version.
"""

from __future__ import annotations

import dataclasses
import errno
import shutil
import time
import uuid
from pathlib import Path

from components.errors import InputError
from components.push.versions import JUDGED, judged_path, newest, next_version, version_path
from components.storage import copy_tree, is_local, tree_digest

INCOMING_PREFIX = ".incoming-"
STALE_SECONDS = 24 * 60 * 60
"""Age at which an `.incoming-…` folder counts as left behind by a killed push.

By age and not by process: the destination may be shared by several machines, and no copy takes a day.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Publication:
    """What a push did.

    Attributes:
      version: The version under which the model is served.
      path: Its folder.
      published: False when this very model was the newest version already and nothing was written.
    """

    version: int
    path: str
    published: bool


def publish(model: str, push_directory: str, judged: str | None = None) -> Publication:
    """Publishes the model unless it is the newest version already.

    Args:
      model: Folder of a SavedModel.
      judged: Folder of the model that was judged in its place, where `model` was trained on all rows afterwards. It is
        published beside the versions, before the version appears (versions.judged_path).
      push_directory: Where versions lie; it is made where it is missing.

    Raises:
      InputError: The destination cannot be written.
    """
    base = push_directory.rstrip("/")
    try:
        current = newest(base)
        if current is not None and _is_published(model, judged, base, current):
            return Publication(version=current, path=version_path(base, current), published=False)
        by = _publish_by_rename if is_local(base) else _publish_by_copy
        version = by(model, base, judged)
    except OSError as error:
        raise _unwritable(base, error) from error
    return Publication(version=version, path=version_path(base, version), published=True)


def _is_published(model: str, judged: str | None, base: str, version: int) -> bool:
    """Whether a version came of the same judged model, by a final fit on all rows or without one."""
    path = judged_path(base, version)
    with_twin = path != version_path(base, version)
    return with_twin == (judged is not None) and tree_digest(path) == tree_digest(judged or model)


def _publish_by_rename(model: str, base: str, judged: str | None) -> int:
    Path(base).mkdir(parents=True, exist_ok=True)
    _remove_stale(Path(base))
    incoming = Path(base) / f"{INCOMING_PREFIX}{uuid.uuid4().hex}"
    twin = incoming.with_name(f"{incoming.name}-{JUDGED}")
    try:
        copy_tree(model, str(incoming))
        if judged is not None:
            copy_tree(judged, str(twin))
        return _rename_to_next_version(incoming, base, twin if judged is not None else None)
    except BaseException:
        for folder in (incoming, twin):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _rename_to_next_version(incoming: Path, base: str, twin: Path | None) -> int:
    while True:
        version = next_version(base, time.time())
        place = Path(base) / JUDGED / str(version)
        try:
            # A rename and no library's move: it never merges into a folder that holds something.
            if twin is not None:
                place.parent.mkdir(exist_ok=True)
                twin.rename(place)
            incoming.rename(version_path(base, version))
            return version
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            # another push took this number in between: the next one
            if twin is not None and not twin.exists() and place.exists():
                place.rename(twin)


def _publish_by_copy(model: str, base: str, judged: str | None) -> int:
    version = next_version(base, time.time())
    try:
        if judged is not None:
            copy_tree(judged, f"{base}/{JUDGED}/{version}")
        copy_tree(model, version_path(base, version))
    except OSError:
        raise
    except Exception as error:  # TensorFlow's file systems raise errors of their own
        raise _unwritable(base, error) from error
    return version


def _remove_stale(base: Path) -> None:
    oldest_kept = time.time() - STALE_SECONDS
    for folder in base.glob(f"{INCOMING_PREFIX}*"):
        try:
            stale = folder.stat().st_mtime < oldest_kept
        except FileNotFoundError:  # published or removed by its own push just now
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)


def _unwritable(base: str, error: Exception) -> InputError:
    return InputError(
        f"cannot publish into {base}: {error}",
        expected="a folder that this user may write, with room for the model",
        received=str(error),
        action="make the folder writable, free space, or choose another push directory",
    )
