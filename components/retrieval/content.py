"""What the retrieval model sees of a movie: an id slot and weighted content features.

The same TensorFlow function turns transformed features into slots and content for the whole
catalogue in training and for any movie in the exported signature, so they cannot drift apart.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Ints, Longs
from components.transform.graph import CatalogueFeatures, RaggedIndices, VocabularySizes

FIRST_YEAR = 1900
YEARS_PER_BUCKET = 5
YEAR_BUCKETS = 32  # bucket 0 is "no year in the title"
UNKNOWN_SLOT = 0  # the id vector of every rare or unknown movie
MIN_TITLES = 3  # a word of fewer titles would be another id


class ItemContent(tf.Module):  # type: ignore[misc]
    """Maps transformed features of movies to id slots and content features.

    Args:
      slot_by_index: int32 `[movie vocabulary + 1]`, the id slot of each movie index.
      genres: Size of the genre vocabulary; index `genres` is the unknown genre.
      word_by_index: int32 `[word vocabulary + 1]`, the content position of a title word, -1 = none.
    """

    def __init__(self, slot_by_index: Ints, genres: int, word_by_index: Ints) -> None:
        super().__init__(name="item_content")
        self._slots = tf.constant(slot_by_index, tf.int32)
        self._words = tf.constant(word_by_index, tf.int32)
        self._genres = genres
        self.slots = int(slot_by_index.max(initial=0)) + 1
        self.words = int(word_by_index.max(initial=-1)) + 1
        self.size = genres + 1 + YEAR_BUCKETS + self.words

    def __call__(self, movie_index: Any, year: Any, genres: Any, words: Any) -> Items:
        """Encodes `n` movies.

        Args:
          movie_index: int64 `[n]`.
          year: int64 `[n]`, 0 = unknown.
          genres: int64 RaggedTensor `[n, None]` of genre indices.
          words: int64 RaggedTensor `[n, None]` of title word indices.
        """
        genres = tf.cast(genres, tf.int32)
        bucket = tf.where(year > 0, 1 + (tf.cast(year, tf.int32) - FIRST_YEAR) // YEARS_PER_BUCKET, 0)
        bucket = tf.clip_by_value(bucket, 0, YEAR_BUCKETS - 1) + self._genres + 1
        positions = tf.gather(self._words, words)
        positions = tf.ragged.boolean_mask(positions, positions >= 0) + self._genres + 1 + YEAR_BUCKETS
        parts = [genres, tf.RaggedTensor.from_tensor(bucket[:, tf.newaxis]), positions]
        weights = [_inverse_root_of_length(part) for part in parts]
        return Items(
            slots=tf.gather(self._slots, movie_index),
            content=tf.concat(parts, axis=1),
            weights=tf.concat(weights, axis=1),
            size=self.size,
        )


@dataclasses.dataclass(frozen=True)
class Items:
    """`n` movies as tensors.

    Attributes:
      slots: int32 `[n]`, positions in the id table.
      content: int32 RaggedTensor `[n, None]`, positions in the content table, at least one a movie.
      weights: float32 RaggedTensor `[n, None]`, 1 / sqrt(number of the movie's features of the same kind).
      size: Number of content features.
    """

    slots: Any
    content: Any
    weights: Any
    size: int

    def features(self) -> Any:
        """The weights as a SparseTensor `[n, size]`: times a content table it gives content vectors.

        The product is four times as fast as gathering the vectors and adding them up.
        """
        indices = tf.stack([self.content.value_rowids(), tf.cast(self.content.flat_values, tf.int64)], axis=1)
        movies = tf.size(self.slots, tf.int64)
        return tf.SparseTensor(indices, self.weights.flat_values, tf.stack([movies, tf.constant(self.size, tf.int64)]))

    def select(self, rows: Any) -> Items:
        """The movies at positions `rows` (int32 `[m]`)."""
        return Items(
            slots=tf.gather(self.slots, rows),
            content=tf.gather(self.content, rows),
            weights=tf.gather(self.weights, rows),
            size=self.size,
        )


def item_content(
    title_words: RaggedIndices, frequencies: Longs, sizes: VocabularySizes, min_ratings: int
) -> ItemContent:
    """Chooses which movies get an id vector and which title words a content vector.

    Args:
      title_words: Word indices of each title of the catalogue.
      frequencies: int64 `[movie vocabulary + 1]`, training rows of each movie index.
      sizes: Sizes of the vocabularies.
      min_ratings: Movies with fewer training rows share the unknown slot.
    """
    slots = np.full(sizes.movies + 1, UNKNOWN_SLOT, np.int32)
    frequent = np.flatnonzero(frequencies[: sizes.movies] >= min_ratings)
    slots[frequent] = 1 + np.arange(len(frequent), dtype=np.int32)
    words = [word for row in range(len(title_words)) for word in set(title_words[row].tolist())]
    titles = np.bincount(np.array(words, np.int64), minlength=sizes.title_words)
    position = np.full(sizes.title_words + 1, -1, np.int32)
    kept = np.flatnonzero(titles[: sizes.title_words] >= MIN_TITLES)
    position[kept] = np.arange(len(kept), dtype=np.int32)
    return ItemContent(slots, sizes.genres, position)


def catalogue_items(content: ItemContent, movies: CatalogueFeatures) -> Items:
    """Encodes the whole catalogue, in catalogue order."""
    return content(
        tf.constant(movies.movie_index),
        tf.constant(movies.year),
        _ragged(movies.genre_indices),
        _ragged(movies.title_word_indices),
    )


def _ragged(lists: RaggedIndices) -> Any:
    return tf.RaggedTensor.from_row_splits(lists.values, lists.row_splits)


def _inverse_root_of_length(ragged: Any) -> Any:
    lengths = tf.cast(tf.maximum(ragged.row_lengths(), 1), tf.float32)
    return ragged.with_flat_values(tf.gather(tf.math.rsqrt(lengths), ragged.value_rowids()))
