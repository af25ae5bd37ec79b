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
from components.push.storage import copy_tree, is_local, tree_digest
from components.push.versions import newest, next_version, version_path

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


def publish(model: str, push_directory: str) -> Publication:
    """Publishes the model unless it is the newest version already.

    Args:
      model: Folder of a SavedModel.
      push_directory: Where versions lie; it is made where it is missing.

    Raises:
      InputError: The destination cannot be written.
    """
    base = push_directory.rstrip("/")
    try:
        current = newest(base)
        if current is not None and tree_digest(version_path(base, current)) == tree_digest(model):
            return Publication(version=current, path=version_path(base, current), published=False)
        version = _publish_by_rename(model, base) if is_local(base) else _publish_by_copy(model, base)
    except OSError as error:
        raise _unwritable(base, error) from error
    return Publication(version=version, path=version_path(base, version), published=True)


def _publish_by_rename(model: str, base: str) -> int:
    Path(base).mkdir(parents=True, exist_ok=True)
    _remove_stale(Path(base))
    incoming = Path(base) / f"{INCOMING_PREFIX}{uuid.uuid4().hex}"
    incoming.mkdir()
    try:
        copy_tree(model, str(incoming))
        return _rename_to_next_version(incoming, base)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise


def _rename_to_next_version(incoming: Path, base: str) -> int:
    while True:
        version = next_version(base, time.time())
        try:
            # A rename and no library's move: it never merges into a folder that holds something.
            incoming.rename(version_path(base, version))
            return version
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            # another push took this number in between: the next one


def _publish_by_copy(model: str, base: str) -> int:
    version = next_version(base, time.time())
    try:
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
