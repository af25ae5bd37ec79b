"""Reads back what ingestion has written of some users: rows, sequences, histories, marked rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from components import features
from components.examples import parsed_batches
from components.ingestion.rates import RateReporter

Row = tuple[bytes, float, int]
"""Movie id, stars, Unix seconds."""

_ROW = {
    features.USER_ID: tf.io.FixedLenFeature([], tf.string),
    features.MOVIE_ID: tf.io.FixedLenFeature([], tf.string),
    features.RATING: tf.io.FixedLenFeature([], tf.float32),
    features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0),
}
_KNOWN = {
    features.HISTORY_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
    features.HISTORY_RATINGS: tf.io.RaggedFeature(tf.float32),
    features.SEEN_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
    features.HELD_OUT_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
    features.REQUEST_HISTORY: tf.io.RaggedFeature(tf.string),
}
_SEQUENCE = {
    features.USER_ID: tf.io.FixedLenFeature([], tf.string),
    features.SEQUENCE_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
    features.SEQUENCE_RATINGS: tf.io.RaggedFeature(tf.float32),
    features.SEQUENCE_TIMESTAMPS: tf.io.RaggedFeature(tf.int64),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """What one row of eval or test says of the past.

    Attributes:
      history: Movie ids and stars.
      seen: Movie ids; empty on rows that are not marked.
      held_out: Movie ids; empty on rows that are not marked.
      request: Interactions that a new user's question carries; 0 for known users.
    """

    history: list[tuple[bytes, float]]
    seen: list[bytes]
    held_out: list[bytes]
    request: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Written:
    """What was written of some users.

    Attributes:
      rows: By part and user, in file order.
      known: By part (eval, test) and user, a Known for each row.
      sequences: By split of `sequences` and user.
    """

    rows: Mapping[str, Mapping[bytes, list[Row]]]
    known: Mapping[str, Mapping[bytes, list[Known]]]
    sequences: Mapping[str, Mapping[bytes, list[Row]]]


def read_written(examples: Mapping[str, str], sequences: Mapping[str, str], users: Collection[bytes]) -> Written:
    """Reads the rows of `users`.

    Args:
      examples: File patterns of the interactions by split.
      sequences: File patterns of the sequences by split.
      users: Ids of the users.
    """
    rows: dict[str, dict[bytes, list[Row]]] = {split: {} for split in examples}
    known: dict[str, dict[bytes, list[Known]]] = {split: {} for split in (features.EVAL, features.TEST)}
    for split, pattern in examples.items():
        spec = _ROW if split == features.TRAIN else {**_ROW, **_KNOWN}
        for user, one in _of_users(pattern, spec, users):
            row = (one[features.MOVIE_ID], one[features.RATING], one[features.TIMESTAMP])
            rows[split].setdefault(user, []).append(row)
            if split in known:
                known[split].setdefault(user, []).append(_known(one))
    return Written(
        rows=rows,
        known=known,
        sequences={
            split: {user: _sequence(one) for user, one in _of_users(pattern, _SEQUENCE, users)}
            for split, pattern in sequences.items()
        },
    )


def _of_users(pattern: str, spec: dict[str, Any], users: Collection[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Rows of the users as Python values by feature, parsed in batches; the others are dropped as tensors."""
    keys = tf.constant(sorted(users), tf.string)
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, tf.ones(len(users), tf.int32)), 0)
    progress = RateReporter("comparing rows with the source")
    for batch in parsed_batches([pattern], spec):
        at = tf.where(table.lookup(batch[features.USER_ID]) > 0)[:, 0]
        progress.add(int(batch[features.USER_ID].shape[0]))
        picked = {name: tf.gather(values, at) for name, values in batch.items()}
        lists = {
            name: values.to_list() if isinstance(values, tf.RaggedTensor) else np.asarray(values).tolist()
            for name, values in picked.items()
        }
        for row in range(len(lists[features.USER_ID])):
            one = {name: values[row] for name, values in lists.items()}
            yield one[features.USER_ID], one
    progress.finish()


def _known(one: Mapping[str, Any]) -> Known:
    history = list(zip(one[features.HISTORY_MOVIE_IDS], one[features.HISTORY_RATINGS], strict=True))
    return Known(
        history=history,
        seen=one[features.SEEN_MOVIE_IDS],
        held_out=one[features.HELD_OUT_MOVIE_IDS],
        request=int((one[features.REQUEST_HISTORY] or [b"0"])[0]),
    )


def _sequence(one: Mapping[str, Any]) -> list[Row]:
    columns = (features.SEQUENCE_MOVIE_IDS, features.SEQUENCE_RATINGS, features.SEQUENCE_TIMESTAMPS)
    return list(zip(*(one[column] for column in columns), strict=True))
