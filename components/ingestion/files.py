"""The source `files`: a folder in GroupLens layout, or CSV and Parquet files of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

from components.errors import InputError
from components.ingestion import csv_rows, fingerprint, parquet_rows
from components.ingestion.blocks import Block, Movies, SourceFacts
from components.ingestion.columns import RATING, TIMESTAMP, Columns, movies_columns, parse_mapping, ratings_columns
from components.ingestion.config import DataConfig
from components.ingestion.row_rules import RowRules

PARQUET_SUFFIXES = (".parquet", ".pq")
CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_FOLDER_SUFFIXES = (".csv", ".parquet")


class FilesSource:
    """Interactions in one file (or three: train, eval, test) and at most one catalogue file.

    Attributes:
      ratings_paths: File of each part; `train` alone where the source is not presplit.
      movies_path: The catalogue file; empty where there is none.
    """

    def __init__(self, config: DataConfig) -> None:
        """Finds the files and reads their headers.

        Raises:
          InputError: A file is missing, empty or damaged, lacks a column, or is of an unknown kind.
        """
        self._mapping = parse_mapping(config.columns)
        self.ratings_paths = _ratings_paths(config)
        self.movies_path = _movies_path(config)
        self._columns = {
            part: ratings_columns(path, _header(path), self._mapping) for part, path in self.ratings_paths.items()
        }
        if self.movies_path:
            movies_columns(self.movies_path, _header(self.movies_path), self._mapping)
        self._rules = RowRules(
            has_ratings=_has_ratings(config, self.ratings_paths, self._columns),
            has_timestamps=all(TIMESTAMP in columns for columns in self._columns.values()),
            rating_min=config.rating_min,
            rating_max=config.rating_max,
        )

    def facts(self) -> SourceFacts:
        """What the headers tell."""
        return SourceFacts(
            name=", ".join(self.ratings_paths.values()),
            has_ratings=self._rules.has_ratings,
            has_timestamps=self._rules.has_timestamps,
            presplit=len(self.ratings_paths) > 1,
        )

    def fingerprint(self) -> str:
        """sha256 over the contents of all files."""
        return fingerprint.of_files([*self.ratings_paths.values(), *([self.movies_path] if self.movies_path else [])])

    def blocks(self, part: str = "train") -> Iterator[Block]:
        """All interactions of a part, in file order."""
        path, columns = self.ratings_paths[part], self._columns[part]
        if _is_parquet(path):
            return parquet_rows.interaction_blocks(path, columns, self._rules)
        return csv_rows.interaction_blocks(path, columns, csv_rows.read_header(path)[1], self._rules)

    def movies(self) -> Movies | None:
        """The catalogue in file order, or None where no file was given."""
        path = self.movies_path
        if not path:
            return None
        columns = movies_columns(path, _header(path), self._mapping)
        if _is_parquet(path):
            return parquet_rows.read_movies(path, columns)
        return csv_rows.read_movies(path, columns, csv_rows.read_header(path)[1])


def _ratings_paths(config: DataConfig) -> dict[str, str]:
    train = _in_folder(config.ratings, "ratings", "data.ratings", needed=True)
    if bool(config.eval_ratings) != bool(config.test_ratings):
        raise InputError(
            "only one of the two held-out files was given",
            expected="both data.eval_ratings and data.test_ratings, or neither",
            received=config.eval_ratings or config.test_ratings,
            action="give both files, or leave both out and let the rows be split",
        )
    if not config.eval_ratings:
        return {"train": train}
    held_out = {"eval": (config.eval_ratings, "data.eval_ratings"), "test": (config.test_ratings, "data.test_ratings")}
    return {"train": train, **{part: _existing(path, key) for part, (path, key) in held_out.items()}}


def _movies_path(config: DataConfig) -> str:
    if config.movies:
        return _in_folder(config.movies, "movies", "data.movies", needed=True)
    if tf.io.gfile.isdir(config.ratings):
        return _in_folder(config.ratings, "movies", "data.ratings", needed=False)
    return ""


def _in_folder(path: str, stem: str, key: str, *, needed: bool) -> str:
    """The file itself, or the one called `stem` where `path` is a folder."""
    if not tf.io.gfile.isdir(path):
        return _existing(path, key)
    for suffix in _FOLDER_SUFFIXES:
        candidate = f"{path.rstrip('/')}/{stem}{suffix}"
        if tf.io.gfile.exists(candidate):
            return candidate
    if not needed:
        return ""
    raise InputError(
        f"the folder {path} has no {stem} file",
        expected=" or ".join(stem + suffix for suffix in _FOLDER_SUFFIXES),
        received=", ".join(sorted(tf.io.gfile.listdir(path))[:20]) or "an empty folder",
        action=f"name the file itself in {key}",
    )


def _existing(path: str, key: str) -> str:
    if not tf.io.gfile.exists(path):
        raise InputError(
            f"file not found: {path}", expected="an existing file or folder", action=f"correct the path in {key}"
        )
    if not path.lower().endswith(CSV_SUFFIXES + PARQUET_SUFFIXES):
        raise InputError(
            f"{path} is of an unknown kind",
            expected="a name that ends in " + ", ".join(CSV_SUFFIXES + PARQUET_SUFFIXES),
            action="unpack archives first, and give the file the ending of what it is",
        )
    return path


def _is_parquet(path: str) -> bool:
    return path.lower().endswith(PARQUET_SUFFIXES)


def _header(path: str) -> tuple[str, ...]:
    return parquet_rows.read_header(path) if _is_parquet(path) else csv_rows.read_header(path)[0]


def _has_ratings(config: DataConfig, paths: dict[str, str], columns: dict[str, Columns]) -> bool:
    if config.has_ratings == "false":
        return False
    lacking = [part for part in columns if RATING not in columns[part]]
    if lacking and config.has_ratings == "true":
        raise InputError(
            f"{paths[lacking[0]]}, row 1 (the header): no column for rating, which data.has_ratings = true asks for",
            expected="a column such as rating",
            received=", ".join(columns[lacking[0]].header),
            action="name it with --columns rating=COLUMN, or set data.has_ratings=auto",
        )
    return not lacking
