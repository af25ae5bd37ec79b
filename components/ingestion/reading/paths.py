"""Which files a setting names: one file, several, a pattern, a folder of parts, or a folder in a known layout."""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from components.errors import InputError
from components.ingestion.reading.spans import Span, Wanted, as_glob, chosen, is_pattern, named, span_of

TEXT, PARQUET, JSON = "text", "Parquet", "JSON lines"

_KINDS = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".dat", ".data", ".psv", ".tab", ".inter", ".item", ".user"), TEXT),
    **dict.fromkeys((".parquet", ".pq"), PARQUET),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), JSON),
}
PACKED = (".gz", ".zst", ".bz2", ".xz", ".zip", ".lz4")
_UNREADABLE = {
    b"PK\x03\x04": ("an archive or an Excel workbook", "save a workbook as CSV; unpack an archive of several files"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save it as CSV"),
    b"ORC": ("an ORC file", "convert it to Parquet"),
    b"Obj\x01": ("an Avro file", "convert it to Parquet"),
    b"ARROW1": ("an Arrow or Feather file", "convert it to Parquet"),
    b"SQLite f": ("an SQLite database", "export the table as CSV"),
    b"\x89HDF": ("an HDF5 file", "convert it to Parquet"),
}
_HEAD_BYTES = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Files:
    """Files that together are one table.

    Attributes:
      paths: In the order in which they are read: that of their names, or of the list that was given.
      kind: TEXT, PARQUET or JSON.
      partitions: The `key=value` folders above each file (Hive's layout), by key; the same keys for every file.
      spans: Those of them that are of a span, by span.
    """

    paths: tuple[str, ...]
    kind: str
    partitions: tuple[dict[str, str], ...]

    spans: dict[Span, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[str, dict[str, str]]]:
        return iter(zip(self.paths, self.partitions, strict=True))

    @property
    def name(self) -> str:
        """The files in words."""
        if len(self.paths) == 1:
            return self.paths[0]
        return f"{self.paths[0]} and {len(self.paths) - 1:,} more files"


def find_files(
    text: str, key: str, stems: Sequence[str] = (), *, needed: bool = True, wanted: Wanted | None = None
) -> Files | None:
    """The files that a setting names.

    Args:
      text: A file, several with commas between, a pattern with `*`, a folder of parts, or one in GroupLens' layout.
      key: The setting, for messages.
      stems: In a folder the names of the file that is meant, the likeliest first; where none is there, a folder is
        taken as parts of one table, if `needed`.
      needed: Whether it is an error that a folder has no such file.
      wanted: Which spans are read, where the setting may have a pattern of them.

    Raises:
      InputError: Nothing is there, or files of several kinds.
    """
    found_spans: dict[Span, list[str]] = {}
    found = _in_folder(text, key, stems, needed=needed) if is_folder(text) else _named(text, key, wanted, found_spans)
    if not found:
        return None
    kinds = {kind_of(path) for path in found}
    if len(kinds) > 1:
        raise InputError(
            f"{text} holds files of several kinds",
            expected="files of one kind: CSV, Parquet or JSON lines",
            received=", ".join(sorted(kinds)),
            action=f"name the files of one kind in {key}, for instance by a pattern such as part-*.csv",
        )
    partitions = tuple(_partitions(path) for path in found)
    keys = set().union(*partitions)
    if any(set(one) != keys for one in partitions):
        partitions = tuple({} for _ in found)
    spans = {span: tuple(paths) for span, paths in found_spans.items()}
    return Files(paths=tuple(found), kind=kinds.pop(), partitions=partitions, spans=spans)


def is_remote(path: str) -> bool:
    """Whether a path is in an object store or on a server: gs://…, s3://…"""
    return "://" in path


def filesystem(path: str) -> Any:
    """The fsspec file system of a remote path.

    Raises:
      InputError: The package for this kind of store is not installed.
    """
    import fsspec  # only where it is needed

    try:
        return fsspec.filesystem(path.partition("://")[0])
    except (ImportError, ValueError) as error:
        raise InputError(
            f"{path} cannot be opened",
            expected="a local path, or one whose file system is installed (gs:// needs gcsfs, s3:// needs s3fs)",
            received=str(error),
            action="pip install gcsfs (or s3fs), or copy the file to this machine",
        ) from None


def is_folder(path: str) -> bool:
    """Whether a path is a folder."""
    return bool(filesystem(path).isdir(path)) if is_remote(path) else Path(path).is_dir()


def open_bytes(path: str) -> Any:
    """The file, opened for reading bytes."""
    return filesystem(path).open(path, "rb") if is_remote(path) else Path(path).open("rb")


def kind_of(path: str) -> str:
    """TEXT, PARQUET or JSON, by the content first and then by the name.

    Raises:
      InputError: A kind that is not read.
    """
    with open_bytes(path) as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"PAR1"):
        return PARQUET
    name = path.lower()
    packed = next((ending for ending in PACKED if name.endswith(ending)), "")
    if not packed:
        for magic, (what, action) in _UNREADABLE.items():
            if head.startswith(magic):
                raise InputError(
                    f"{path} is {what}",
                    expected="CSV or other delimited text, Parquet or JSON lines; gz, zst, bz2, xz or zip of one file",
                    action=action,
                )
    kind = _KINDS.get(Path(name.removesuffix(packed)).suffix)
    if kind == PARQUET and not packed:
        raise InputError(
            f"{path} is not a Parquet file",
            expected="PAR1 at its beginning and end",
            received=repr(head),
            action="check the file",
        )
    if kind is None or kind == TEXT:
        return JSON if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else TEXT
    return kind


def _named(text: str, key: str, wanted: Wanted | None, spans: dict[Span, list[str]]) -> list[str]:
    if _exists(text):
        return [text]
    found: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if wanted is not None and is_pattern(part):
            for span, paths in _spans(part, wanted).items():
                spans.setdefault(span, []).extend(paths)
                found += paths
            continue
        matches = _matching(part)
        if not matches:
            raise InputError(
                f"file not found: {part}",
                expected="a file, a folder, a pattern such as data/part-*.csv, or several with commas between",
                received=f"{key} = {text}",
                action=f"correct {key}",
            )
        found += matches
    return found


def _spans(pattern: str, wanted: Wanted) -> dict[Span, list[str]]:
    """The files of each span that is read; a folder is a span of parts."""
    named(wanted.newest, pattern)  # before anything is listed
    found: dict[Span, list[str]] = {}
    for path in _listed_by(as_glob(pattern)):
        span = span_of(pattern, path)
        if span is not None:
            found.setdefault(span, []).extend(_parts(path) if is_folder(path) else [path])
    return chosen(found, wanted, pattern)


def _listed_by(pattern: str) -> list[str]:
    """Files and folders of a pattern, in the order of their names."""
    if is_remote(pattern):
        scheme = pattern.partition("://")[0]
        return sorted(f"{scheme}://{path}" for path in filesystem(pattern).glob(pattern))
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - the pattern may be absolute


def _matching(pattern: str) -> list[str]:
    if _exists(pattern):
        return _parts(pattern) if is_folder(pattern) else [pattern]
    return [path for path in _listed_by(pattern) if is_remote(path) or Path(path).is_file()]


def _exists(path: str) -> bool:
    return bool(filesystem(path).exists(path)) if is_remote(path) else Path(path).exists()


def _in_folder(folder: str, key: str, stems: Sequence[str], *, needed: bool) -> list[str]:
    names = {path.rpartition("/")[2].lower(): path for path in _listed(folder)}
    for stem in stems:
        for name in _with_endings(stem):
            if name in names:
                return [names[name]]
    found = _parts(folder) if needed else []
    if needed and not found:
        raise InputError(
            f"the folder {folder} has no {stems[0] if stems else 'data'} file",
            expected="files that end in " + ", ".join(_KINDS),
            received=", ".join(sorted(names)[:20]) or "an empty folder",
            action=f"name the file itself in {key}",
        )
    return found


def _with_endings(stem: str) -> Iterable[str]:
    yield stem  # a whole name, such as u.data
    for ending in _KINDS:
        for packed in ("", *PACKED):
            yield f"{stem}{ending}{packed}"


def _listed(folder: str) -> list[str]:
    if is_remote(folder):
        scheme = folder.partition("://")[0]
        return [f"{scheme}://{path}" for path in filesystem(folder).ls(folder, detail=False)]
    return [str(path) for path in Path(folder).iterdir()]


def _parts(folder: str) -> list[str]:
    """Every data file below a folder, in the order of the names; what begins with `_` or `.` is no data."""
    if is_remote(folder):
        scheme = folder.partition("://")[0]
        files = [f"{scheme}://{path}" for path in filesystem(folder).find(folder)]
    else:
        files = [str(path) for path in Path(folder).rglob("*") if path.is_file()]
    below = len(folder.rstrip("/")) + 1
    return sorted(path for path in files if _is_data(path[below:]))


def _is_data(relative: str) -> bool:
    if any(piece.startswith(("_", ".")) for piece in relative.split("/")):
        return False
    name = relative.lower()
    packed = next((ending for ending in PACKED if name.endswith(ending)), "")
    return Path(name.removesuffix(packed)).suffix in _KINDS


def _partitions(path: str) -> dict[str, str]:
    pieces = [piece.partition("=") for piece in path.split("/")[:-1] if "=" in piece]
    return {key: value for key, _, value in pieces if key}
