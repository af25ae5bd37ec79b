"""Keeps movies out of scores over the whole catalogue: seen ones, and those of other genres.

Shapes: `B` rows, `S` entries of a list, `N` movies.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.bundle.sorted_lists import END
from components.examples import Catalogue
from components.index.search import LOWEST

UNKNOWN_GENRE = -2


def lower(scores: Any, rows: Any) -> Any:
    """Gives the lowest score to columns `rows` int32 `[B, S]` of `scores` `[B, N]`; negative ones and END are none."""
    present = tf.where((rows >= 0) & (rows < END))
    positions = tf.stack([present[:, 0], tf.cast(tf.gather_nd(rows, present), tf.int64)], axis=1)
    return tf.tensor_scatter_nd_update(scores, positions, tf.fill([tf.shape(positions)[0]], LOWEST))


class GenreFilter(tf.Module):  # type: ignore[misc]
    """Which movies belong to a genre.

    Args:
      catalogue: All movies.

    Attributes:
      names: Every genre, bytes, sorted.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(name="genre_filter")
        self.names = names = sorted({genre for genres in catalogue.genres for genre in genres})
        numbers = {name: number for number, name in enumerate(names)}
        members: list[list[int]] = [[] for _ in names]
        for row, genres in enumerate(catalogue.genres):
            for genre in set(genres):
                members[numbers[genre]].append(row)
        lists = tf.ragged.constant([*members, []], dtype=tf.int32, ragged_rank=1)
        self._names = tf.Variable(tf.constant(names, tf.string), trainable=False, name="names_of_genres")
        self._rows = tf.Variable(lists.flat_values, trainable=False, name="rows_of_genres")
        self._splits = tf.Variable(lists.row_splits, trainable=False, name="splits_of_genres")
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(names or [b"\x00"], tf.string), tf.range(max(1, len(names)), dtype=tf.int32)
            ),
            UNKNOWN_GENRE,
        )
        self._empty = len(names)

    def lookup(self, genres: Any) -> Any:
        """Genre numbers int32 `[B, G]` of names `[B, G]`: -1 for "", UNKNOWN_GENRE for a name nothing has."""
        return tf.where(tf.equal(genres, ""), -1, self._table.lookup(genres))

    def keep(self, scores: Any, genres: Any) -> Any:
        """Gives the lowest score to movies of none of the row's genres; rows without a genre stay."""
        lists = tf.RaggedTensor.from_row_splits(self._rows.read_value(), self._splits.read_value(), validate=False)
        wanted = tf.where(genres >= 0, genres, self._empty)
        rows = tf.gather(lists, wanted).merge_dims(1, 2)
        positions = tf.stack([tf.cast(rows.value_rowids(), tf.int32), rows.flat_values], axis=1)
        allowed = tf.scatter_nd(positions, tf.ones_like(rows.flat_values), tf.shape(scores)) > 0
        asked = tf.reduce_any(tf.not_equal(genres, -1), axis=1, keepdims=True)
        return tf.where(allowed | tf.logical_not(asked), scores, LOWEST)
