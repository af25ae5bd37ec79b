"""The transform graph outside of Beam: indices of users and of the catalogue, vocabularies, frequencies.

Trainers, index and bundle ask here, so that one place knows how raw features become indices.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from components import features
from components.examples import Catalogue, Strings

BATCH = 4096

Longs = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RaggedIndices:
    """Lists of vocabulary indices: list `i` is `values[row_splits[i]:row_splits[i + 1]]`.

    Attributes:
      values: int64, `[total]`.
      row_splits: int64, `[lists + 1]`.
    """

    values: Longs
    row_splits: Longs

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, position: int) -> Longs:
        return self.values[self.row_splits[position] : self.row_splits[position + 1]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CatalogueFeatures:
    """What the graph makes of each movie of the catalogue, in catalogue order.

    Attributes:
      movie_index: int64, `[movies]`; the vocabulary's size stands for a movie without training rows.
      year: int64, `[movies]`; 0 where the title names none.
      genre_indices: int64 lists, one a movie; the vocabulary's size stands for an unknown genre.
      title_word_indices: int64 lists, one a movie, in the order of the title; words outside the
        vocabulary are left out.
    """

    movie_index: Longs
    year: Longs
    genre_indices: RaggedIndices
    title_word_indices: RaggedIndices


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocabularySizes:
    """Known values of each vocabulary, without the one index behind them that stands for the unknown."""

    users: int
    movies: int
    genres: int
    title_words: int


class TransformGraph:
    """Reads the `transform_graph` artifact at `uri`.

    Args:
      uri: `fn_args.transform_output` of a trainer, or the artifact's URI.
    """

    def __init__(self, uri: str) -> None:
        self._output = tft.TFTransformOutput(uri)

    @functools.cached_property
    def layer(self) -> Any:
        """The graph as a Keras layer, to be kept as an attribute of a module that is saved.

        Takes any subset of the raw features as SparseTensors `[batch, any]` (`column` makes one of single values,
        `sparse_genres` one of a padded tensor) and returns what follows from it.
        """
        return self._output.transform_features_layer()

    @functools.cached_property
    def vocabulary_sizes(self) -> VocabularySizes:
        """Number of known users, movies, genres and title words."""
        return VocabularySizes(
            users=len(self.vocabulary(features.USER_VOCABULARY)),
            movies=len(self.vocabulary(features.MOVIE_VOCABULARY)),
            genres=len(self.vocabulary(features.GENRE_VOCABULARY)),
            title_words=len(self.vocabulary(features.TITLE_WORD_VOCABULARY)),
        )

    def vocabulary(self, name: str) -> list[bytes]:
        """Values of a vocabulary (one of features.*_VOCABULARY); a position is an index.

        Where no training row has a value, Transform writes one made-up value that nothing equals.
        """
        return list(self._output.vocabulary_by_name(name))

    def index_users(self, ids: Strings) -> Longs:
        """Indices of users, `[users]` bytes -> `[users]` int64; the vocabulary's size for an unknown one."""
        parts = [
            self.layer({features.USER_ID: column(tf.constant(list(ids[start : start + BATCH]), tf.string))})
            for start in range(0, len(ids), BATCH)
        ]
        return _joined([part[features.USER_INDEX].values for part in parts])

    def catalogue_features(self, catalogue: Catalogue) -> CatalogueFeatures:
        """Indices, years, genres and title words of all movies."""
        parts = [self._movies(catalogue, slice(start, start + BATCH)) for start in range(0, len(catalogue), BATCH)]
        sizes = self.vocabulary_sizes
        return CatalogueFeatures(
            movie_index=_joined([part[features.MOVIE_INDEX].values for part in parts]),
            year=_joined([part[features.MOVIE_YEAR].values for part in parts]),
            genre_indices=_ragged([part[features.MOVIE_GENRE_INDICES] for part in parts]),
            title_word_indices=_ragged([part[features.MOVIE_TITLE_WORD_INDICES] for part in parts], sizes.title_words),
        )

    def _movies(self, catalogue: Catalogue, rows: slice) -> Mapping[str, Any]:
        genres = tf.ragged.constant(catalogue.genres[rows], tf.string, ragged_rank=1)
        raw = {
            features.MOVIE_ID: column(tf.constant(list(catalogue.movie_ids[rows]), tf.string)),
            features.MOVIE_TITLE: column(tf.constant(list(catalogue.titles[rows]), tf.string)),
            features.MOVIE_GENRES: genres.to_sparse(),
        }
        return cast("Mapping[str, Any]", self.layer(raw))


def column(values: tf.Tensor) -> tf.SparseTensor:
    """Makes the graph's input of single values: `[batch]` -> SparseTensor `[batch, 1]`, also of empty texts."""
    rows = tf.range(tf.size(values, tf.int64))
    return tf.SparseTensor(
        tf.stack([rows, tf.zeros_like(rows)], axis=1), values, tf.stack([tf.size(values, tf.int64), 1])
    )


def sparse_genres(padded: tf.Tensor) -> tf.SparseTensor:
    """Makes the graph's input of genres: `[batch, any]` strings padded with "" anywhere, which are left out."""
    return tf.ragged.boolean_mask(padded, padded != "").to_sparse()


def _joined(parts: list[tf.Tensor]) -> Longs:
    return np.concatenate([np.zeros(0, np.int64), *(part.numpy() for part in parts)])


def _ragged(parts: list[tf.SparseTensor], unknown: int | None = None) -> RaggedIndices:
    """Joins batches of sparse indices, leaving out the index `unknown`."""
    values, lengths = [np.zeros(0, np.int64)], [np.zeros(1, np.int64)]
    for part in parts:
        kept = part if unknown is None else tf.sparse.retain(part, part.values != unknown)
        values.append(kept.values.numpy())
        lengths.append(np.bincount(kept.indices.numpy()[:, 0], minlength=part.dense_shape.numpy()[0]))
    return RaggedIndices(values=np.concatenate(values), row_splits=np.cumsum(np.concatenate(lengths)))
