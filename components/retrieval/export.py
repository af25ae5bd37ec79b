"""The retrieval model as a SavedModel: histories to queries, movies to candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components import features
from components.retrieval.content import ItemContent
from components.retrieval.model import TwoTowerModel
from components.retrieval.towers import contributions, embed_history
from components.transform.graph import TransformGraph, column, sparse_genres

EMBED_QUERY = "embed_query"
EMBED_CANDIDATES = "embed_candidates"
HISTORY_ROWS = "history_rows"
EMBEDDING = "embedding"
CANDIDATES = "candidates"


class RetrievalExport(tf.Module):  # type: ignore[misc]
    """Trained models side by side: their vectors concatenated, so that one inner product adds their scores.

    Args:
      models: Models of the same data, trained with different seeds.
      content: What they see of a movie.
      graph: The transform graph they were trained with.
      history_length: Most recent movies that a query reads.

    Attributes:
      history_length: int32 scalar, the same; callers cut histories to it.
      direction: float32 `[D]`, 0 at the dimensions that hold a candidate's bias, 1 elsewhere.
    """

    def __init__(
        self, models: Sequence[TwoTowerModel], content: ItemContent, graph: TransformGraph, history_length: int
    ) -> None:
        super().__init__(name="retrieval")
        self.history_length = tf.Variable(history_length, trainable=False)
        self._half_lives = models[0].query_tower.half_lives
        one = np.append(np.ones(models[0].candidate_tower.encoder.ids.shape[1], np.float32), np.float32(0))
        self.direction = tf.Variable(np.tile(one, len(models)), trainable=False)
        self._tables = [tf.Variable(model.embed_catalogue()[0], trainable=False) for model in models]
        self._candidate_towers = [model.candidate_tower for model in models]
        self._content = content
        self._transform = graph.layer

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name=HISTORY_ROWS)], autograph=False)
    def embed_query(self, history_rows: Any) -> dict[str, Any]:
        """Queries float32 `[B, D]` of histories: catalogue rows, newest last, -1 = padding, anywhere."""
        queries = [embed_history(history_rows, tables, self._half_lives) for tables in self._tables]
        return {EMBEDDING: tf.concat(queries, axis=1)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32, name=HISTORY_ROWS),
            tf.TensorSpec([None, None], tf.float32, name=CANDIDATES),
        ],
        autograph=False,
    )
    def contributions(self, history_rows: Any, candidates: Any) -> Any:
        """What every position of a history adds to the score of one candidate: float32 `[B, H]`.

        They add up to the inner product of the query with the candidate, less the candidate's biases.

        Args:
          history_rows: int32 `[B, H]`, as of `embed_query`.
          candidates: float32 `[B, D]`, one a row.
        """
        parts = tf.split(candidates, len(self._tables), axis=1)
        return tf.add_n(
            [
                contributions(history_rows, tables, self._half_lives, part)
                for tables, part in zip(self._tables, parts, strict=True)
            ]
        )

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=features.MOVIE_ID),
            tf.TensorSpec([None], tf.string, name=features.MOVIE_TITLE),
            tf.TensorSpec([None, None], tf.string, name=features.MOVIE_GENRES),
        ],
        autograph=False,
    )
    def embed_candidates(self, movie_id: Any, movie_title: Any, movie_genres: Any) -> dict[str, Any]:
        """Candidates float32 `[B, D]` of movies, known or new; genres padded with ""."""
        transformed = self._transform(
            {
                features.MOVIE_ID: column(movie_id),
                features.MOVIE_TITLE: column(movie_title),
                features.MOVIE_GENRES: sparse_genres(movie_genres),
            }
        )
        items = self._content(
            transformed[features.MOVIE_INDEX].values,
            transformed[features.MOVIE_YEAR].values,
            tf.RaggedTensor.from_sparse(transformed[features.MOVIE_GENRE_INDICES]),
            tf.RaggedTensor.from_sparse(transformed[features.MOVIE_TITLE_WORD_INDICES]),
        )
        return {EMBEDDING: tf.concat([tower(items) for tower in self._candidate_towers], axis=1)}

    def save(self, folder: str) -> None:
        """Writes the SavedModel."""
        tf.saved_model.save(
            self,
            folder,
            signatures={EMBED_QUERY: self.embed_query, EMBED_CANDIDATES: self.embed_candidates},
        )
