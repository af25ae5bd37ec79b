"""Reads what ingestion wrote back into arrays: catalogue, sequences and interactions.

Movie ids become catalogue rows (int32, the position in the catalogue) while they stream through
tf.data, so that 25 million interactions are integers in memory and never Python strings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components import features

BATCH = 4096

Strings = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All movies; a position is a catalogue row.

    Attributes:
      movie_ids: bytes, `[movies]`.
      titles: UTF-8 bytes, `[movies]`.
      genres: UTF-8 bytes, one list a movie.
    """

    movie_ids: Strings
    titles: Strings
    genres: list[list[bytes]]

    def __len__(self) -> int:
        return len(self.movie_ids)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RaggedRows:
    """Lists of catalogue rows: list `i` is `rows[row_splits[i]:row_splits[i + 1]]`.

    Attributes:
      row_splits: int64, `[lists + 1]`.
      rows: int32 catalogue rows, `[total]`.
      ratings: float32 stars, `[total]`; empty where none belong to the rows.
      timestamps: int64 Unix seconds, `[total]`; empty where none belong to the rows.
    """

    row_splits: Longs
    rows: Ints
    ratings: Floats = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))
    timestamps: Longs = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, position: int) -> Ints:
        return self.rows[self.row_splits[position] : self.row_splits[position + 1]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserSequences:
    """Training rows of each user, oldest first; user `i` of `user_ids` has list `i` of `movies`."""

    user_ids: Strings
    movies: RaggedRows


@dataclasses.dataclass(frozen=True, kw_only=True)
class MarkedRows:
    """The marked rows of a held-out split: one a user, with what was known and what is asked for.

    Attributes:
      user_ids: bytes, `[users]`.
      seen: Every movie of the user in the splits before, oldest first.
      held_out: Every movie of the user in this split.
    """

    user_ids: Strings
    seen: RaggedRows
    held_out: RaggedRows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interactions:
    """Rows of a split, in file order.

    Attributes:
      user_ids: bytes, `[rows]`.
      movie_rows: int32 catalogue rows, `[rows]`.
      ratings: float32 stars, `[rows]`.
      timestamps: int64 Unix seconds, `[rows]`.
    """

    user_ids: Strings
    movie_rows: Ints
    ratings: Floats
    timestamps: Longs


def read_catalogue(patterns: Sequence[str]) -> Catalogue:
    """Reads the catalogue in its order from files that match `patterns`."""
    spec = {
        features.MOVIE_ID: tf.io.FixedLenFeature([], tf.string),
        features.MOVIE_TITLE: tf.io.FixedLenFeature([], tf.string, ""),
        features.MOVIE_GENRES: tf.io.RaggedFeature(tf.string),
    }
    ids: list[Any] = []
    titles: list[Any] = []
    genres: list[list[bytes]] = []
    for batch in parsed_batches(patterns, spec):
        ids.extend(batch[features.MOVIE_ID].numpy())
        titles.extend(batch[features.MOVIE_TITLE].numpy())
        genres.extend(batch[features.MOVIE_GENRES].to_list())
    return Catalogue(movie_ids=_strings(ids), titles=_strings(titles), genres=genres)


def read_sequences(patterns: Sequence[str], movie_ids: Strings) -> UserSequences:
    """Reads every user's training rows from files that match `patterns`."""
    spec = {
        features.USER_ID: tf.io.FixedLenFeature([], tf.string),
        features.SEQUENCE_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
        features.SEQUENCE_RATINGS: tf.io.RaggedFeature(tf.float32),
        features.SEQUENCE_TIMESTAMPS: tf.io.RaggedFeature(tf.int64),
    }
    table = row_lookup(movie_ids)
    users: list[Any] = []
    movies = _RaggedBuilder()
    for batch in parsed_batches(patterns, spec):
        users.extend(batch[features.USER_ID].numpy())
        movies.add(
            batch[features.SEQUENCE_MOVIE_IDS],
            table,
            batch[features.SEQUENCE_RATINGS],
            batch[features.SEQUENCE_TIMESTAMPS],
        )
    return UserSequences(user_ids=_strings(users), movies=movies.build())


def read_marked_rows(patterns: Sequence[str], movie_ids: Strings) -> MarkedRows:
    """Reads the marked rows of a held-out split from files that match `patterns`."""
    spec = {
        features.USER_ID: tf.io.FixedLenFeature([], tf.string),
        features.SEEN_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
        features.HELD_OUT_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
    }
    table = row_lookup(movie_ids)
    users: list[Any] = []
    seen, held_out = _RaggedBuilder(), _RaggedBuilder()
    for batch in parsed_batches(patterns, spec):
        marked = batch[features.HELD_OUT_MOVIE_IDS].row_lengths() > 0
        users.extend(tf.boolean_mask(batch[features.USER_ID], marked).numpy())
        seen.add(tf.ragged.boolean_mask(batch[features.SEEN_MOVIE_IDS], marked), table)
        held_out.add(tf.ragged.boolean_mask(batch[features.HELD_OUT_MOVIE_IDS], marked), table)
    return MarkedRows(user_ids=_strings(users), seen=seen.build(), held_out=held_out.build())


def read_interactions(patterns: Sequence[str], movie_ids: Strings) -> Interactions:
    """Reads the rows of a split from files that match `patterns`."""
    spec = {
        features.USER_ID: tf.io.FixedLenFeature([], tf.string),
        features.MOVIE_ID: tf.io.FixedLenFeature([], tf.string),
        features.RATING: tf.io.FixedLenFeature([], tf.float32),
        features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0),
    }
    table = row_lookup(movie_ids)
    users: list[Any] = []
    rows, ratings, timestamps = [], [], []
    for batch in parsed_batches(patterns, spec):
        users.extend(batch[features.USER_ID].numpy())
        rows.append(table.lookup(batch[features.MOVIE_ID]).numpy())
        ratings.append(batch[features.RATING].numpy())
        timestamps.append(batch[features.TIMESTAMP].numpy())
    return Interactions(
        user_ids=_strings(users),
        movie_rows=_joined(rows, np.int32),
        ratings=_joined(ratings, np.float32),
        timestamps=_joined(timestamps, np.int64),
    )


def parsed_batches(patterns: Sequence[str], spec: dict[str, Any], batch: int = BATCH) -> Iterator[dict[str, Any]]:
    """Parses gzipped TFRecords of tf.Examples batch by batch, files in the order of their names."""
    files = sorted({name for pattern in patterns for name in tf.io.gfile.glob(pattern)})
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP")
    dataset = dataset.batch(batch).map(lambda rows: tf.io.parse_example(rows, spec)).prefetch(2)
    yield from dataset


def row_lookup(movie_ids: Strings) -> Any:
    """A table from movie id (string) to catalogue row (int32); -1 for an id the catalogue lacks."""
    keys = tf.constant(list(movie_ids), tf.string)
    values = tf.range(len(movie_ids), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)


class _RaggedBuilder:
    """Collects batches of ragged movie ids as one RaggedRows."""

    def __init__(self) -> None:
        self._lengths: list[Longs] = [np.zeros(1, np.int64)]
        self._rows: list[Ints] = []
        self._ratings: list[Floats] = []
        self._timestamps: list[Longs] = []

    def add(self, movie_ids: Any, table: Any, ratings: Any = None, timestamps: Any = None) -> None:
        self._lengths.append(movie_ids.row_lengths().numpy())
        self._rows.append(table.lookup(movie_ids.flat_values).numpy())
        if ratings is not None:
            self._ratings.append(ratings.flat_values.numpy())
        if timestamps is not None:
            self._timestamps.append(timestamps.flat_values.numpy())

    def build(self) -> RaggedRows:
        return RaggedRows(
            row_splits=np.cumsum(np.concatenate(self._lengths)),
            rows=_joined(self._rows, np.int32),
            ratings=_joined(self._ratings, np.float32),
            timestamps=_joined(self._timestamps, np.int64),
        )


def _strings(values: list[Any]) -> Strings:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _joined(parts: list[Any], dtype: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
