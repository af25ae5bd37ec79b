"""After the job: counts what came out against what went in, and makes the output ready beside its destination.

Nothing is published that is not whole: every record of the input is a user in the rows, a rejected
record or a duplicate, and every file has the size and the rows that its writer tells.
"""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from components.batch_scoring.formats import FORMATS
from components.batch_scoring.pipeline import MANIFEST, Job
from components.batch_scoring.progress_files import reporter
from components.batch_scoring.tally import REJECTED_SHARD, Part, Tally
from components.batch_scoring.user_files import UserFiles

READY = "ready"
ROWS = "rows"
REJECTED_FILE = "rejected.jsonl"
SUMMARY_FILE = "summary.json"
CHUNK = 1 << 22


class IncompleteError(RuntimeError):
    """The job says that it is done, and something is missing."""


def settle(job: Job, facts: dict[str, Any]) -> dict[str, Any]:
    """Checks what the job has left and makes `<folder>/ready/` of it.

    `ready` then holds `rows<suffix>` or, with several shards, the folder `rows<suffix>`; `summary.json`;
    and `rejected.jsonl` where a record was rejected.

    Args:
      job: The job that is done.
      facts: What the summary tells beside the counts.

    Returns:
      The summary.

    Raises:
      IncompleteError: Records, files or rows are missing.
    """
    tally = _read_manifest(job.folder)
    check_counts(tally, job.users)
    _check_files(tally.parts, job.folder)
    parts = collections.defaultdict(list)
    for part in sorted(tally.parts, key=lambda part: part.name):
        parts[part.shard].append(part)
    for shard in range(job.shards):
        reporter(job.folder).add(steps=1)
        _join_rows(parts[shard], job, f"{job.folder}/{READY}/{shard_name(shard, job.shards, job.suffix)}")
    if parts[REJECTED_SHARD]:
        _concatenate(parts[REJECTED_SHARD], job.folder, f"{job.folder}/{READY}/{REJECTED_FILE}")
    summary = {**{field: getattr(tally, field) for field in SUMMARISED}, "sources": dict(tally.sources), **facts}
    with _create(f"{job.folder}/{READY}/{SUMMARY_FILE}") as file:
        file.write((json.dumps(summary, indent=2, sort_keys=True) + "\n").encode())
    return summary


SUMMARISED = ("read", "users", "rows", "rejected", "duplicates", "without_items")


def shard_name(shard: int, shards: int, suffix: str) -> str:
    """The path of a shard's rows below `ready`."""
    return f"{ROWS}{suffix}" if shards == 1 else f"{ROWS}{suffix}/part-{shard:05d}-of-{shards:05d}{suffix}"


def check_counts(tally: Tally, users: UserFiles) -> None:
    """Raises an IncompleteError where records have gone missing, or have come up twice."""
    if users.exact and tally.read != users.rows:
        raise IncompleteError(f"the input has {users.rows:,} records and {tally.read:,} were read")
    accounted = tally.users + tally.rejected + tally.duplicates
    if tally.read != accounted:
        raise IncompleteError(
            f"{tally.read:,} records were read, and {accounted:,} are accounted for: {tally.users:,} users scored, "
            f"{tally.rejected:,} records rejected, {tally.duplicates:,} duplicates"
        )


def _read_manifest(folder: str) -> Tally:
    path = f"{folder}/{MANIFEST}"
    if not FileSystems.exists(path):
        raise IncompleteError("the job ended without a manifest: its last stage did not run")
    with FileSystems.open(path) as file:
        return Tally.from_json(file.read().decode())


def _check_files(parts: Sequence[Part], folder: str) -> None:
    (match,) = FileSystems.match([f"{folder}/parts/*"])
    sizes = {metadata.path.rsplit("/", 1)[1]: metadata.size_in_bytes for metadata in match.metadata_list}
    for part in parts:
        size = sizes.get(part.name.rsplit("/", 1)[1])
        if size != part.size:
            found = "is missing" if size is None else f"has {size:,} bytes"
            raise IncompleteError(f"{folder}/{part.name} {found}; its writer wrote {part.size:,} bytes")


def _join_rows(parts: Sequence[Part], job: Job, target: str) -> None:
    """Makes one file of the parts of a shard: usually there is one, and it is moved."""
    if len(parts) == 1:
        _make_folder_of(target)
        FileSystems.rename([f"{job.folder}/{parts[0].name}"], [target])
    else:
        _join_files(parts, job, target)
    if job.suffix == ".parquet":
        rows = sum(part.rows for part in parts)
        with FileSystems.open(target) as file:
            found = pq.ParquetFile(file).metadata.num_rows
        if found != rows:
            raise IncompleteError(f"{target} holds {found:,} rows; {rows:,} were written")


def _join_files(parts: Sequence[Part], job: Job, target: str) -> None:
    schema = job.question.schema
    if job.suffix == ".jsonl":
        _concatenate(parts, job.folder, target)
        return
    with _create(target) as stream:
        file = FORMATS[job.suffix](stream, schema)
        if job.suffix == ".csv":
            file.close()
            _copy_into(stream, [f"{job.folder}/{part.name}" for part in parts], skip_header=True)
            return
        for part in parts:
            with FileSystems.open(f"{job.folder}/{part.name}") as source:
                for batch in pq.ParquetFile(source).iter_batches():
                    file.write(batch)
                    reporter(job.folder).add(steps=1)
        file.close()


def _concatenate(parts: Sequence[Part], folder: str, target: str) -> None:
    with _create(target) as stream:
        _copy_into(stream, [f"{folder}/{part.name}" for part in parts], skip_header=False)


def _copy_into(stream: Any, paths: Iterable[str], *, skip_header: bool) -> None:
    for path in paths:
        with FileSystems.open(path) as source:
            if skip_header:
                source.readline()
            while chunk := source.read(CHUNK):
                stream.write(chunk)


def _create(path: str) -> Any:
    _make_folder_of(path)
    return FileSystems.create(path, "application/octet-stream")


def _make_folder_of(path: str) -> None:
    if "://" not in path:  # object stores have no folders
        Path(path).parent.mkdir(parents=True, exist_ok=True)


def sync(folder: Path) -> None:
    """Waits until every file below is on the disk: a name must not outlive its content."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def facts_of(job: Job, engine: str, seconds: float) -> dict[str, Any]:
    """What the summary tells beside the counts."""
    return {
        "model": job.question.model,
        "model_version": job.question.version,
        "n": job.question.n,
        "shards": job.shards,
        "block_users": job.block_users,
        "engine": engine,
        "seconds": round(seconds, 3),
    }
