"""The few file operations of a push, on local folders and on what TensorFlow opens (gs://, …).

A model is published, compared and copied through these; nothing here imports TFX, and TensorFlow
is imported only for an address with a scheme, so that the command line stays quick.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from components.errors import InputError
from serving.contract import SAVED_MODEL_FILE

CHUNK_BYTES = 1 << 20


class Storage(Protocol):
    """Where folders of files lie; every path is absolute, with its scheme."""

    def names(self, directory: str) -> list[str]:
        """Names in the folder, sorted; none where there is no such folder."""

    def exists(self, path: str) -> bool:
        """Whether a file or a folder lies there."""

    def files(self, directory: str) -> list[str]:
        """Every file below the folder, as sorted paths relative to it, with `/`."""

    def read(self, path: str) -> Iterator[bytes]:
        """The file's content, chunk by chunk."""

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Writes a whole file and makes the folders above it."""


class LocalStorage:
    """Folders of this machine, mounted volumes included."""

    def names(self, directory: str) -> list[str]:
        try:
            return sorted(path.name for path in Path(directory).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def files(self, directory: str) -> list[str]:
        root = Path(directory)
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def read(self, path: str) -> Iterator[bytes]:
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())  # a name that a rename made visible never stands for a lost content


class TensorFlowStorage:
    """Whatever TensorFlow's file systems open: `gs://`, `hdfs://`, `ram://`."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._gfile: Any = tf.io.gfile

    def names(self, directory: str) -> list[str]:
        if not self._gfile.isdir(directory):
            return []
        return sorted({name.rstrip("/") for name in self._gfile.listdir(directory)} - {""})

    def exists(self, path: str) -> bool:
        return bool(self._gfile.exists(path))

    def files(self, directory: str) -> list[str]:
        found = []
        for folder, _, names in self._gfile.walk(directory):
            inner = folder[len(directory) :].strip("/")
            found += [f"{inner}/{name}" if inner else name for name in names]
        return sorted(found)

    def read(self, path: str) -> Iterator[bytes]:
        with self._gfile.GFile(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        self._gfile.makedirs(path.rsplit("/", 1)[0])
        with self._gfile.GFile(path, "wb") as file:
            for chunk in chunks:
                file.write(chunk)


def is_local(path: str) -> bool:
    """Whether the path has no scheme, that is, lies on this machine or on a mounted volume."""
    return "://" not in path


def storage_for(path: str) -> Storage:
    """The storage that opens this path.

    Raises:
      InputError: The scheme is one that TensorFlow does not open here (`s3://`, `minio://`, …).
    """
    if is_local(path):
        return LocalStorage()
    storage = TensorFlowStorage()
    try:
        storage.exists(path)
    except Exception as error:  # TensorFlow has an error class of its own for each file system
        raise InputError(
            f"cannot open {path}: {error}",
            expected="a folder, or an address that TensorFlow's file systems open, such as gs://bucket/models",
            received=path,
            action="push into a mounted volume, or to gs:// with valid credentials",
        ) from error
    return storage


def tree_digest(directory: str) -> str:
    """SHA-256 over names and contents of every file below `directory`: equal for equal trees only."""
    storage = storage_for(directory)
    whole = hashlib.sha256()
    for name in storage.files(directory):
        content = hashlib.sha256()
        for chunk in storage.read(f"{directory}/{name}"):
            content.update(chunk)
        whole.update(f"{name}\0{content.hexdigest()}\n".encode())
    return whole.hexdigest()


def copy_tree(source: str, target: str) -> None:
    """Copies every file; `saved_model.pb`, which says "ready" to model servers, comes last."""
    reader, writer = storage_for(source), storage_for(target)
    for name in sorted(reader.files(source), key=lambda name: (name == SAVED_MODEL_FILE, name)):
        writer.write(f"{target}/{name}", reader.read(f"{source}/{name}"))
