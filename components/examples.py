"""Reads what ingestion wrote back into arrays: catalogue, sequences and interactions.

Item ids become catalogue rows (int32, the position in the catalogue) while they stream through
tf.data, so that 25 million interactions are integers in memory and never Python strings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components import features
from components.context_codes import codes_of
from components.feature_specs import FeatureSpec, columns_of_context

BATCH = 4096
NOBODY = b""  # an Example without a feature

Strings = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All items; a position is a catalogue row.

    Attributes:
      item_ids: bytes, `[items]`.
      titles: UTF-8 bytes, `[items]`.
      genres: UTF-8 bytes, one list an item.
      examples: Serialized Examples of them with every feature, `[items]`; None: id, title and genres are all.
    """

    item_ids: Strings
    titles: Strings
    genres: list[list[bytes]]
    examples: Strings | None = None

    def __len__(self) -> int:
        return len(self.item_ids)

    def as_examples(self) -> Strings:
        """Serialized Examples of all items."""
        if self.examples is not None:
            return self.examples
        return item_examples(self.item_ids, self.titles, self.genres)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RaggedRows:
    """Lists of catalogue rows: list `i` is `rows[row_splits[i]:row_splits[i + 1]]`.

    Attributes:
      row_splits: int64, `[lists + 1]`.
      rows: int32 catalogue rows, `[total]`.
      ratings: float32 stars, `[total]`; empty where none belong to the rows.
      timestamps: int64 Unix seconds, `[total]`; empty where none belong to the rows.
      weights: float32, `[total]`: how much each row counts; empty where all count 1.
      contexts: int32, `[total, K]`: codes of the features of contexts (components/transform/contexts.py); empty where
        there are none.
    """

    row_splits: Longs
    rows: Ints
    ratings: Floats = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))
    timestamps: Longs = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    weights: Floats = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))
    contexts: Ints = dataclasses.field(default_factory=lambda: np.zeros((0, 0), np.int32))

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, position: int) -> Ints:
        return self.rows[self.row_splits[position] : self.row_splits[position + 1]]

    @property
    def owners(self) -> Longs:
        """The list of each row, int64 `[total]`."""
        return np.repeat(np.arange(len(self)), np.diff(self.row_splits))

    def where(self, kept: npt.NDArray[np.bool_]) -> RaggedRows:
        """The same lists with the rows where `kept`, `[total]`."""
        sizes = np.bincount(self.owners[kept], minlength=len(self))
        return RaggedRows(
            row_splits=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            rows=self.rows[kept],
            ratings=self.ratings[kept] if len(self.ratings) else self.ratings,
            timestamps=self.timestamps[kept] if len(self.timestamps) else self.timestamps,
            weights=self.weights[kept] if len(self.weights) else self.weights,
            contexts=self.contexts[kept] if len(self.contexts) else self.contexts,
        )

    def of(self, positions: npt.NDArray[np.integer[Any]]) -> RaggedRows:
        """The lists at `positions`, in that order; -1 stands for an empty one. Rows alone."""
        lengths = np.append(np.diff(self.row_splits), 0)[positions]  # -1 finds the 0 at the end
        splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = np.where(positions < 0, 0, self.row_splits[positions])
        at = np.arange(splits[-1]) - np.repeat(splits[:-1], lengths) + np.repeat(starts, lengths)
        return RaggedRows(row_splits=splits, rows=self.rows[at])

    def row_weights(self) -> Floats:
        """How much each row counts, float32 `[total]`, also where all count 1."""
        return self.weights if len(self.weights) else np.ones(len(self.rows), np.float32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserSequences:
    """Rows of users, oldest first; user `i` of `user_ids` has list `i` of `items`.

    Attributes:
      user_ids: bytes, `[users]`, sorted.
      items: One list a user, none of them empty.
      parts: int8, `[total]`: the part of each row (features.TRAIN_PART and so on).
    """

    user_ids: Strings
    items: RaggedRows
    parts: npt.NDArray[np.int8]

    def where(self, kept: npt.NDArray[np.bool_]) -> UserSequences:
        """The rows where `kept`, `[total]`, of the users who have any."""
        items = self.items.where(kept)
        there = np.flatnonzero(np.diff(items.row_splits))
        splits = np.concatenate([[0], np.cumsum(np.diff(items.row_splits)[there])]).astype(np.int64)
        return UserSequences(
            user_ids=self.user_ids[there],
            items=dataclasses.replace(items, row_splits=splits),
            parts=self.parts[kept],
        )

    def liked(self, liked_from: float | None) -> UserSequences:
        """The rows that are no dislikes; all of them where there are none."""
        return self if liked_from is None else self.where(self.items.ratings >= liked_from)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MarkedRows:
    """The marked rows of a held-out split: one a user, with what lists leave out and what is asked for.

    Attributes:
      user_ids: bytes, `[users]`.
      seen: Items that the user's list leaves out.
      held_out: Items that are asked for, each once.
      contexts: int32, `[users, K]`: codes of the moment in which they are asked for; empty where there are none.
    """

    user_ids: Strings
    seen: RaggedRows
    held_out: RaggedRows
    contexts: Ints = dataclasses.field(default_factory=lambda: np.zeros((0, 0), np.int32))


@dataclasses.dataclass(frozen=True, kw_only=True)
class AskedUsers:
    """Users of a held-out split with what is known of them; list `i` of each belongs to user `i`.

    Attributes:
      histories: What a query reads, oldest first.
      left_out: What the list leaves out.
      held_out: What is asked for.
      user_ids: bytes, `[users]`; None: of no use to who asks.
      contexts: int32, `[users, K]`, as of MarkedRows.
    """

    histories: RaggedRows
    left_out: RaggedRows
    held_out: RaggedRows
    user_ids: Strings | None = None
    contexts: Ints = dataclasses.field(default_factory=lambda: np.zeros((0, 0), np.int32))

    @classmethod
    def of(cls, marked: MarkedRows, known: UserSequences) -> AskedUsers:
        """The users of marked rows, with the rows of `known` for histories; who has none there has an empty one."""
        row_of = {user: row for row, user in enumerate(known.user_ids)}
        rows = np.fromiter((row_of.get(user, -1) for user in marked.user_ids), np.int64, len(marked.user_ids))
        return cls(
            user_ids=marked.user_ids,
            histories=known.items.of(rows),
            left_out=marked.seen,
            held_out=marked.held_out,
            contexts=marked.contexts,
        )

    def __len__(self) -> int:
        return len(self.held_out)

    def evenly(self, most: int) -> AskedUsers:
        """At most so many of them, evenly spread."""
        kept = evenly_spread(len(self), most)
        return AskedUsers(
            histories=self.histories.of(kept),
            left_out=self.left_out.of(kept),
            held_out=self.held_out.of(kept),
            user_ids=None if self.user_ids is None else self.user_ids[kept],
            contexts=self.contexts[kept] if len(self.contexts) else self.contexts,
        )


def evenly_spread(there: int, most: int) -> Longs:
    """Positions, int64, of at most `most` of so many that are there, from the first one on."""
    count = min(most, there)
    return np.arange(count) * there // max(1, count)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interactions:
    """Rows of a split, in file order.

    Attributes:
      user_ids: bytes, `[rows]`.
      item_rows: int32 catalogue rows, `[rows]`.
      ratings: float32 stars, `[rows]`.
      timestamps: int64 Unix seconds, `[rows]`.
    """

    user_ids: Strings
    item_rows: Ints
    ratings: Floats
    timestamps: Longs


def read_catalogue(patterns: Sequence[str]) -> Catalogue:
    """Reads the catalogue in its order from files that match `patterns`."""
    spec = {
        features.ITEM_ID: tf.io.FixedLenFeature([], tf.string),
        features.ITEM_TITLE: tf.io.FixedLenFeature([], tf.string, ""),
        features.ITEM_GENRES: tf.io.RaggedFeature(tf.string),
    }
    ids: list[Any] = []
    titles: list[Any] = []
    genres: list[list[bytes]] = []
    examples: list[Any] = []
    for serialized, batch in serialized_batches(patterns, spec):
        examples.extend(serialized.numpy())
        ids.extend(batch[features.ITEM_ID].numpy())
        titles.extend(batch[features.ITEM_TITLE].numpy())
        genres.extend(batch[features.ITEM_GENRES].to_list())
    return Catalogue(item_ids=_strings(ids), titles=_strings(titles), genres=genres, examples=_strings(examples))


def read_sequences(
    patterns: Sequence[str], item_ids: Strings, parts: Collection[int], contexts: Sequence[FeatureSpec] = ()
) -> UserSequences:
    """Reads the rows of every user that are in some parts, from files that match `patterns`.

    Args:
      patterns: Of the split of `sequences`.
      item_ids: The catalogue.
      parts: Which rows are meant: features.TRAIN_PART and so on. No default, so that nobody sees a held-out row
        without saying so.
      contexts: Features of the contexts of the rows.
    """
    spec = {
        features.USER_ID: tf.io.FixedLenFeature([], tf.string),
        features.SEQUENCE_ITEM_IDS: tf.io.RaggedFeature(tf.string),
        features.SEQUENCE_RATINGS: tf.io.RaggedFeature(tf.float32),
        features.SEQUENCE_TIMESTAMPS: tf.io.RaggedFeature(tf.int64),
        features.SEQUENCE_WEIGHTS: tf.io.RaggedFeature(tf.float32),
        features.SEQUENCE_PARTS: tf.io.FixedLenFeature([], tf.string),
    }
    columns = {spec.raw: features.sequence_of(spec.raw) for spec in columns_of_context(contexts)}
    spec |= {name: tf.io.RaggedFeature(tf.string) for name in columns.values()}
    told: list[Ints] = []
    table = row_lookup(item_ids)
    users: list[Any] = []
    items = _RaggedBuilder()
    in_parts: list[bytes] = []
    for batch in parsed_batches(patterns, spec):
        users.extend(batch[features.USER_ID].numpy())
        items.add(
            batch[features.SEQUENCE_ITEM_IDS],
            table,
            batch[features.SEQUENCE_RATINGS],
            batch[features.SEQUENCE_TIMESTAMPS],
            batch[features.SEQUENCE_WEIGHTS],
        )
        in_parts.extend(batch[features.SEQUENCE_PARTS].numpy())
        if contexts:
            moments = batch[features.SEQUENCE_TIMESTAMPS].flat_values.numpy()
            given = {raw: batch[name].flat_values.numpy() for raw, name in columns.items()}
            told.append(codes_of(contexts, moments, given))
    lists = items.build()
    if told:
        lists = dataclasses.replace(lists, contexts=np.concatenate(told))
    everything = UserSequences(user_ids=_strings(users), items=lists, parts=np.frombuffer(b"".join(in_parts), np.int8))
    return everything.where(np.isin(everything.parts, list(parts)))


def read_marked_rows(patterns: Sequence[str], item_ids: Strings, contexts: Sequence[FeatureSpec] = ()) -> MarkedRows:
    """Reads the marked rows of a held-out split from files that match `patterns`."""
    spec = {
        features.USER_ID: tf.io.FixedLenFeature([], tf.string),
        features.SEEN_ITEM_IDS: tf.io.RaggedFeature(tf.string),
        features.HELD_OUT_ITEM_IDS: tf.io.RaggedFeature(tf.string),
        features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0),
        **{one.raw: tf.io.FixedLenFeature([], tf.string, "") for one in columns_of_context(contexts)},
    }
    table = row_lookup(item_ids)
    users: list[Any] = []
    told = [np.zeros((0, len(contexts)), np.int32)]
    seen, held_out = _RaggedBuilder(), _RaggedBuilder()
    for batch in parsed_batches(patterns, spec):
        marked = batch[features.HELD_OUT_ITEM_IDS].row_lengths() > 0
        users.extend(tf.boolean_mask(batch[features.USER_ID], marked).numpy())
        seen.add(tf.ragged.boolean_mask(batch[features.SEEN_ITEM_IDS], marked), table)
        held_out.add(tf.ragged.boolean_mask(batch[features.HELD_OUT_ITEM_IDS], marked), table)
        columns = {one.raw: batch[one.raw].numpy()[marked.numpy()] for one in columns_of_context(contexts)}
        told.append(codes_of(contexts, batch[features.TIMESTAMP].numpy()[marked.numpy()], columns))
    return MarkedRows(
        user_ids=_strings(users), seen=seen.build(), held_out=held_out.build(), contexts=np.concatenate(told)
    )


def read_interactions(patterns: Sequence[str], item_ids: Strings) -> Interactions:
    """Reads the rows of a split from files that match `patterns`."""
    spec = {
        features.USER_ID: tf.io.FixedLenFeature([], tf.string),
        features.ITEM_ID: tf.io.FixedLenFeature([], tf.string),
        features.RATING: tf.io.FixedLenFeature([], tf.float32),
        features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0),
    }
    table = row_lookup(item_ids)
    users: list[Any] = []
    rows, ratings, timestamps = [], [], []
    for batch in parsed_batches(patterns, spec):
        users.extend(batch[features.USER_ID].numpy())
        rows.append(table.lookup(batch[features.ITEM_ID]).numpy())
        ratings.append(batch[features.RATING].numpy())
        timestamps.append(batch[features.TIMESTAMP].numpy())
    return Interactions(
        user_ids=_strings(users),
        item_rows=_joined(rows, np.int32),
        ratings=_joined(ratings, np.float32),
        timestamps=_joined(timestamps, np.int64),
    )


def read_users(patterns: Sequence[str]) -> tuple[Strings, Strings]:
    """Ids of all users, sorted, and their serialized Examples with every feature, from files that match `patterns`."""
    ids: list[Any] = []
    examples: list[Any] = []
    for serialized, batch in serialized_batches(patterns, {features.USER_ID: tf.io.FixedLenFeature([], tf.string)}):
        ids.extend(batch[features.USER_ID].numpy())
        examples.extend(serialized.numpy())
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return _strings([ids[place] for place in order]), _strings([examples[place] for place in order])


def item_examples(item_ids: Iterable[bytes], titles: Iterable[bytes], genres: Iterable[Sequence[bytes]]) -> Strings:
    """Serialized Examples of items that have no other features; "" is no title."""
    return _strings(
        [
            serialized_example({features.ITEM_ID: [item], features.ITEM_TITLE: [title], features.ITEM_GENRES: some})
            for item, title, some in zip(item_ids, titles, genres, strict=True)
        ]
    )


def serialized_example(values: Mapping[str, Sequence[bytes] | Sequence[float]]) -> bytes:
    """An Example of lists of bytes or of numbers, which become float32."""
    example = tf.train.Example()
    for name, listed in values.items():
        feature = example.features.feature[name]
        if all(isinstance(value, bytes) for value in listed):
            feature.bytes_list.value.extend(listed)
        else:
            feature.float_list.value.extend(listed)
    return bytes(example.SerializeToString())


def serialized_batches(
    patterns: Sequence[str], spec: dict[str, Any], batch: int = BATCH
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The batches of `parsed_batches`, each with its records as they were read."""
    yield from _records(patterns, batch).map(lambda rows: (rows, tf.io.parse_example(rows, spec))).prefetch(2)


def parsed_batches(patterns: Sequence[str], spec: dict[str, Any], batch: int = BATCH) -> Iterator[dict[str, Any]]:
    """Parses gzipped TFRecords of tf.Examples batch by batch, files in the order of their names."""
    yield from _records(patterns, batch).map(lambda rows: tf.io.parse_example(rows, spec)).prefetch(2)


def _records(patterns: Sequence[str], batch: int) -> Any:
    files = sorted({name for pattern in patterns for name in tf.io.gfile.glob(pattern)})
    return tf.data.TFRecordDataset(files, compression_type="GZIP").batch(batch)


def row_lookup(item_ids: Strings) -> Any:
    """A table from item id (string) to catalogue row (int32); -1 for an id the catalogue lacks."""
    keys = tf.constant(list(item_ids), tf.string)
    values = tf.range(len(item_ids), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)


class _RaggedBuilder:
    """Collects batches of ragged item ids as one RaggedRows."""

    def __init__(self) -> None:
        self._lengths: list[Longs] = [np.zeros(1, np.int64)]
        self._rows: list[Ints] = []
        self._ratings: list[Floats] = []
        self._timestamps: list[Longs] = []
        self._weights: list[Floats] = []

    def add(self, item_ids: Any, table: Any, ratings: Any = None, timestamps: Any = None, weights: Any = None) -> None:
        self._lengths.append(item_ids.row_lengths().numpy())
        self._rows.append(table.lookup(item_ids.flat_values).numpy())
        if ratings is not None:
            self._ratings.append(ratings.flat_values.numpy())
        if timestamps is not None:
            self._timestamps.append(timestamps.flat_values.numpy())
        if weights is not None:
            self._weights.append(weights.flat_values.numpy())

    def build(self) -> RaggedRows:
        return RaggedRows(
            row_splits=np.cumsum(np.concatenate(self._lengths)),
            rows=_joined(self._rows, np.int32),
            ratings=_joined(self._ratings, np.float32),
            timestamps=_joined(self._timestamps, np.int64),
            weights=_joined(self._weights, np.float32),
        )


def _strings(values: list[Any]) -> Strings:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _joined(parts: list[Any], dtype: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
