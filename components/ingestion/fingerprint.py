"""One text that changes whenever the data changes, so that no stage answers from the cache for other data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import tensorflow as tf

_CHUNK_BYTES = 1 << 22


def of_files(paths: Iterable[str]) -> str:
    """sha256 over the contents of files, in the order given; where they lie does not matter."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(_of_file(path))
    return digest.hexdigest()


def of_text(text: str) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _of_file(path: str) -> bytes:
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()
