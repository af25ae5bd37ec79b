"""Jobs as the command runs them, without the child process around them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq

from components.batch_scoring.job import Specification, run_attempt
from components.batch_scoring.publishing import Destination, discard, prepare, publish

ITEMS = 60


@dataclasses.dataclass(frozen=True)
class Scored:
    """An output that was published."""

    destination: Destination
    summary: dict[str, Any]

    @property
    def files(self) -> list[Path]:
        output = Path(self.destination.output)
        return sorted(output.glob("part-*")) if output.is_dir() else [output]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for file in self.files for row in read_rows(file)]

    @property
    def by_user(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of each user in the order of the files."""
        users: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            users.setdefault(row["user_id"], []).append(row)
        return users

    @property
    def rejected(self) -> list[dict[str, str]]:
        path = Path(self.destination.rejected)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def read_rows(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pylist()
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    kinds = {"user_id": "string", "item_id": "string", "model_version": "string"}
    return pyarrow.csv.read_csv(file, convert_options=pyarrow.csv.ConvertOptions(column_types=kinds)).to_pylist()


def score_in_memory(
    model: Path, folder: Path, *, users: str = "all", output: str = "out.parquet", **options: Any
) -> Scored:
    destination = Destination(
        output=str(folder / output), shards=options.pop("shards", 1), overwrite=options.pop("overwrite", False)
    )
    prepare(destination)
    attempt = str(folder / f".attempt-{uuid.uuid4().hex}")
    settings = {"n": 5, "retrieve_only": False, "block_users": 0, "beam_arguments": ["--runner=FnApiRunner"], **options}
    try:
        summary = run_attempt(
            Specification(
                model=str(model),
                version=model.name,
                users=users,
                folder=attempt,
                suffix=destination.suffix,
                shards=destination.shards,
                **settings,
            )
        )
        publish(destination, attempt)
    finally:
        discard(attempt)
    return Scored(destination, summary)


def content_hash(rows: list[dict[str, Any]]) -> str:
    """Of all rows, whatever order they are in."""
    lines = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
