"""Tiny data whose answers are known by hand, and the way through the real ingestion."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

RATINGS_HEADER = ("userId", "movieId", "rating", "timestamp")
ITEMS_HEADER = ("movieId", "title", "genres")

# ann has six rows, bob three, cy two (too few to be split); the file is not in the order of time.
TINY_RATINGS = (
    ("ann", "m3", "5.0", "300"),
    ("ann", "m1", "4.0", "100"),
    ("ann", "m2", "3.0", "200"),
    ("bob", "m5", "3.0", "350"),
    ("ann", "m6", "4.5", "600"),
    ("ann", "m5", "1.0", "500"),
    ("ann", "m4", "2.0", "400"),
    ("bob", "m1", "5.0", "150"),
    ("bob", "m3", "4.0", "250"),
    ("cy", "m1", "2.0", "60"),
    ("cy", "m6", "0.5", "50"),
)
TINY_ITEMS = (
    ("m1", "First Light (1981)", "Drama"),
    ("m2", "Second Wind (1992)", "Comedy|Romance"),
    ("m3", "Third, and Last (2003)", "Drama|War"),
    ("m4", "Fourth Wall (2004)", "(no genres listed)"),
    ("m5", "Fifth Avenue (2005)", "Comedy"),
    ("m6", "Sixth Séance (2016)", "Horror"),
    ("m7", "Seventh Seal (1957)", "Drama|Fantasy"),
)
# By hand: leave_last with held_out = 2. ann gives 2 and 2, bob (a third of 3 rows) 1 and 1, cy nothing.
TINY_TRAIN = {("ann", "m1"), ("ann", "m2"), ("bob", "m1"), ("cy", "m6"), ("cy", "m1")}
TINY_EVAL = {("ann", "m3"), ("ann", "m4"), ("bob", "m3")}
TINY_TEST = {("ann", "m5"), ("ann", "m6"), ("bob", "m5")}


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], **options: Any) -> Path:
    """Writes a CSV file; `options` go to csv.writer."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", **options)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_tiny(folder: Path) -> Path:
    """Writes the tiny data in GroupLens layout and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "ratings.csv", RATINGS_HEADER, TINY_RATINGS)
    write_csv(folder / "movies.csv", ITEMS_HEADER, TINY_ITEMS)
    return folder


@dataclasses.dataclass(frozen=True)
class Ingested:
    """Artifacts of the ingestion component."""

    entities: Any
    examples: Any
    sequences: Any
    profile: Any

    def pattern(self, split: str) -> str:
        """Files of a held-out split of the interactions: eval or test."""
        return f"{self.examples.uri}/Split-{split}/*"

    @property
    def items_pattern(self) -> str:
        """Files of the catalogue."""
        return f"{self.entities.uri}/Split-items/*"

    @property
    def users_pattern(self) -> str:
        """Files of the users."""
        return f"{self.entities.uri}/Split-users/*"

    @property
    def sequences_pattern(self) -> str:
        """Files of the user sequences."""
        return f"{self.sequences.uri}/Split-all/*"

    def rows(self, split: str) -> list[dict[str, list[Any]]]:
        """Interactions of a held-out split as dicts of lists, in file order."""
        return read_rows(self.pattern(split))


def ingest(
    folder: Path, data: Any, split: Any = None, *, refit: bool = False, leave_out_seen: str = "auto"
) -> Ingested:
    """Runs the executor of the ingestion component into `folder`.

    Args:
      folder: Where the artifacts go.
      data: A DataConfig.
      split: A SplitConfig; None = the default.
      refit: Whether the judged models learn from train and eval.
      leave_out_seen: `bundle.leave_out_seen`.
    """
    from tfx.types import standard_artifacts

    from components.ingestion import executor
    from components.ingestion.config import SplitConfig
    from components.settings import to_json

    profile = standard_artifacts.ExampleStatistics()
    profile.uri = str(folder / executor.PROFILE)
    examples = {
        key: examples_artifact(folder / key) for key in (executor.ENTITIES, executor.EXAMPLES, executor.SEQUENCES)
    }
    properties = {
        executor.CONFIG: to_json(data),
        executor.SPLIT: to_json(split or SplitConfig()),
        executor.REFIT: int(refit),
        executor.LEAVE_OUT_SEEN: leave_out_seen,
        executor.FINGERPRINT: "",
    }
    outputs = {key: [artifact] for key, artifact in {**examples, executor.PROFILE: profile}.items()}
    executor.Executor().Do({}, outputs, properties)
    return Ingested(profile=profile, **examples)


def examples_artifact(folder: Path) -> Any:
    """An empty Examples artifact at `folder`."""
    from tfx.types import standard_artifacts

    folder.mkdir(parents=True, exist_ok=True)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    return artifact


def read_rows(pattern: str) -> list[dict[str, list[Any]]]:
    """tf.Examples as dicts: each feature's values as a list (bytes, ints or floats), in file order."""
    import tensorflow as tf

    rows = []
    for record in tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(pattern)), "GZIP").as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        rows.append({name: _values(value) for name, value in feature.items()})
    return rows


def movielens_folder() -> Path:
    """The folder with the real ml-latest-small.zip; skips the test where there is none."""
    default = Path(__file__).parents[1] / ".." / "shared" / "movielens"
    folder = Path(os.environ.get("MOVIELENS_DIR", default)).resolve()
    if not (folder / "ml-latest-small.zip").is_file():
        pytest.skip("needs ml-latest-small.zip in the folder that MOVIELENS_DIR names")
    return folder


def _values(feature: Any) -> list[Any]:
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []
