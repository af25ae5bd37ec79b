"""Packed files: what packs them, their first bytes, and the whole file where DuckDB cannot unpack it."""

from __future__ import annotations

import contextlib
import lzma
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.errors import InputError
from components.ingestion.reading.paths import open_bytes

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x04\x22\x4d\x18": "lz4",
}
NATIVE = ("", "gzip", "zstd")
"""What DuckDB reads by itself, the unpacked file first."""


def packing(path: str) -> str:
    """How a file is packed, by its first bytes, whatever it is called: gzip, zstd, bz2, xz, zip, lz4, or "" for not."""
    with open_bytes(path) as file:
        head = file.read(8)
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


def head_of(path: str, size: int) -> bytes:
    """The first bytes of the unpacked file, at most `size`."""
    with _unpacked(path) as file:
        return read_fully(file, size)


def read_fully(file: Any, size: int) -> bytes:
    """At most `size` bytes, also from a stream that gives less at a time."""
    parts, missing = [], size
    while missing and (part := file.read(missing)):
        parts.append(bytes(part))
        missing -= len(part)
    return b"".join(parts)


def unpack(path: str, target: str) -> None:
    """Writes the unpacked file to `target`."""
    with _unpacked(path) as source, Path(target).open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


@contextlib.contextmanager
def _unpacked(path: str) -> Iterator[Any]:
    how = packing(path)
    try:
        with open_bytes(path) as file:
            if how == "zip":
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as member:
                    yield member
            elif how == "xz":
                with lzma.open(file) as unpacked:
                    yield unpacked
            elif how:
                yield pa.CompressedInputStream(pa.PythonFile(file, "r"), how)
            else:
                yield file
    except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise InputError(
            f"{path} cannot be unpacked", expected=f"a whole {how} file", received=str(error), action="check the file"
        ) from error


def _only_member(path: str, archive: zipfile.ZipFile) -> str:
    names = [
        info.filename
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/") and "/." not in f"/{info.filename}"
    ]
    if len(names) == 1 and not names[0].endswith((".xml", ".rels")):
        return names[0]
    raise InputError(
        f"{path} is an archive of {len(names)} files",
        expected="an archive of one file",
        received=", ".join(names[:10]) or "nothing in it",
        action="unpack it first, and name the file (an Excel workbook: save it as CSV)",
    )
