"""The few file operations of a push, on local folders, S3 buckets and what TensorFlow opens (gs://, …).

A model is published, compared and copied through these; nothing here imports TFX, and TensorFlow or
Arrow is imported only for an address with a scheme, so that the command line stays quick.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from components.errors import InputError
from serving.contract import SAVED_MODEL_FILE

CHUNK_BYTES = 1 << 20
PROBE = ".writable"
S3_SCHEMES = ("s3", "minio")
KUBEFLOWS_STORE = "http://seaweedfs.kubeflow:9000"  # of Kubeflow Pipelines 2.16 and 2.17, which bring no MinIO any more


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

    def remove(self, path: str) -> None:
        """Removes a file that is there."""


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

    def remove(self, path: str) -> None:
        Path(path).unlink()


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

    def remove(self, path: str) -> None:
        self._gfile.remove(path)


class S3Storage:
    """Buckets of S3 and of what speaks its protocol: `s3://bucket/key`, `minio://bucket/key`.

    Credentials come as AWS's own clients take them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a
    profile, a role), and so does the address of another service: AWS_ENDPOINT_URL. `minio://` without one
    means the store that Kubeflow Pipelines brings along.
    """

    def __init__(self, scheme: str) -> None:
        from pyarrow import fs

        endpoint = os.environ.get("AWS_ENDPOINT_URL") or (KUBEFLOWS_STORE if scheme == "minio" else None)
        protocol, _, address = (endpoint or "").rpartition("://")
        self._prefix = f"{scheme}://"
        self._fs = fs
        self._s3 = fs.S3FileSystem(
            endpoint_override=address or None,
            scheme=protocol or "https",
            region=os.environ.get("AWS_REGION")
            or os.environ.get("AWS_DEFAULT_REGION")
            or ("us-east-1" if endpoint else None),
        )

    def names(self, directory: str) -> list[str]:
        return sorted(info.base_name for info in self._below(directory, recursive=False))

    def exists(self, path: str) -> bool:
        return bool(self._s3.get_file_info(self._key(path)).type != self._fs.FileType.NotFound)

    def files(self, directory: str) -> list[str]:
        start = len(self._key(directory)) + 1
        below = self._below(directory, recursive=True)
        return sorted(info.path[start:] for info in below if info.type == self._fs.FileType.File)

    def read(self, path: str) -> Iterator[bytes]:
        with self._s3.open_input_stream(self._key(path)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        # An object appears when it is complete; one that fails is never there in part.
        with self._s3.open_output_stream(self._key(path)) as stream:
            for chunk in chunks:
                stream.write(chunk)

    def remove(self, path: str) -> None:
        self._s3.delete_file(self._key(path))

    def _below(self, directory: str, *, recursive: bool) -> list[Any]:
        selector = self._fs.FileSelector(self._key(directory), allow_not_found=True, recursive=recursive)
        return list(self._s3.get_file_info(selector))

    def _key(self, path: str) -> str:
        return path[len(self._prefix) :].rstrip("/")


def is_local(path: str) -> bool:
    """Whether the path has no scheme, that is, lies on this machine or on a mounted volume."""
    return "://" not in path


def storage_for(path: str) -> Storage:
    """The storage that opens this path.

    Raises:
      InputError: Nothing opens the scheme here, or the bucket refuses.
    """
    scheme, separator, _ = path.partition("://")
    if not separator:
        return LocalStorage()
    try:
        storage: Storage = S3Storage(scheme) if scheme in S3_SCHEMES else TensorFlowStorage()
        storage.exists(path)
    except Exception as error:  # each file system has error classes of its own
        raise InputError(
            f"cannot open {path}: {error}",
            expected="a folder, or the address of a bucket such as gs://bucket/models or s3://bucket/models",
            received=path,
            action="push into a mounted volume, or give valid credentials (for an S3 not of AWS: AWS_ENDPOINT_URL)",
        ) from error
    return storage


def require_writable(place: str) -> None:
    """Writes a file into a push destination and removes it: who may not push learns it before anything is trained.

    Raises:
      InputError: The place cannot be opened or written.
    """
    probe = f"{place.rstrip('/')}/{PROBE}"
    storage = storage_for(place)
    try:
        storage.write(probe, [b"written to see whether versions can be pushed here\n"])
    except Exception as error:  # each file system has error classes of its own
        raise InputError(
            f"cannot write to {place}: {error}",
            expected="a push destination that may be written",
            received=place,
            action="give the right to write there, or push somewhere else",
        ) from error
    with contextlib.suppress(Exception):  # who may write and not remove can push all the same
        storage.remove(probe)


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
