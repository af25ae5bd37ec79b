"""The retrieval model as a SavedModel: histories and features of users to queries, items to candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components import features
from components.examples import Floats
from components.feature_specs import ITEM, USER, columns_of_context, of
from components.retrieval.model import TwoTowerModel
from components.retrieval.repeats import Repeats
from components.retrieval.towers import contributions, embed_history, with_features
from components.retrieval.transition_vectors import TransitionVectors
from components.training.users import Users
from components.transform.content import Content, Encoded, as_matrix
from components.transform.contexts import Contexts
from components.transform.feature_texts import FeatureTexts
from components.transform.graph import TransformGraph, by_name, raw_features

EMBED_QUERY = "embed_query"
EMBED_CANDIDATES = "embed_candidates"
HISTORY_ROWS = "history_rows"
USER_POSITIONS = "user_positions"
USER_WEIGHTS = "user_weights"
USER_FEATURES = "user_features"
CONTEXT_TEXTS = "context"
POSITIONS, WEIGHTS, GIVEN = "positions", "weights", "given"
EMBEDDING = "embedding"
CANDIDATES = "candidates"


class RetrievalExport(tf.Module):  # type: ignore[misc]
    """Trained models side by side: their vectors concatenated, so that one inner product adds their scores.

    Args:
      models: Models of the same data, trained with different seeds, and counted transitions, if they have a part.
      graph: The transform graph they were trained with.
      history_length: Most recent items that a query reads.
      users: What they were told of users; None: nothing.
      repeats: How much it counts that a user had an item before; None: nothing.

    Attributes:
      history_length: int32 scalar, the same; callers cut histories to it.
      reads_users: bool scalar: whether features of users have a part in a query.
      reads_context: The same of features of contexts.
      reads_repeats: bool scalar: whether scores rise for what is in the history (`repeats`).
      direction: float32 `[D]`, 0 at the dimensions that hold a candidate's bias, 1 elsewhere.
    """

    def __init__(
        self,
        models: Sequence[TwoTowerModel | TransitionVectors],
        graph: TransformGraph,
        history_length: int,
        users: Users | None = None,
        repeats: Repeats | None = None,
    ) -> None:
        super().__init__(name="retrieval")
        self.history_length = tf.Variable(history_length, trainable=False)
        self._half_lives = [model.query_tower.half_lives for model in models]
        self._widths = [model.candidate_tower.encoder.ids.shape[1] + 1 for model in models]
        self.direction = tf.Variable(np.concatenate([_without_bias(width) for width in self._widths]), trainable=False)
        self._tables = [tf.Variable(model.embed_catalogue()[0], trainable=False) for model in models]
        self._user_tables = [model.query_tower.users for model in models]
        told = any(table is not None for table in self._user_tables)
        self.reads_users = tf.Variable(told and users is not None and bool(users.content.blocks), trainable=False)
        self._user_size = 0 if users is None else users.size
        self._user_content = 0 if users is None else users.content.size
        self._user_texts = None
        if users is not None and users.content.blocks:
            self._user_texts = FeatureTexts(of(graph.specs, USER), users.content, graph.layer)
        self._contexts = Contexts((), 0) if users is None else users.contexts
        self.reads_context = tf.Variable(told and bool(self._contexts.specs), trainable=False)
        self._repeats = repeats
        self.reads_repeats = tf.Variable(repeats is not None, trainable=False)
        self._candidate_towers = [model.candidate_tower for model in models]
        self._contents = [model.item_content for model in models]
        self._specs = of(graph.specs, ITEM)
        self._transform = graph.layer

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32, name=HISTORY_ROWS),
            tf.TensorSpec([None, None], tf.int32, name=USER_POSITIONS),
            tf.TensorSpec([None, None], tf.float32, name=USER_WEIGHTS),
        ],
        autograph=False,
    )
    def embed_query(self, history_rows: Any, user_positions: Any, user_weights: Any) -> dict[str, Any]:
        """Queries float32 `[B, D]`.

        Args:
          history_rows: int32 `[B, H]`, catalogue rows, newest last, -1 = padding, anywhere.
          user_positions: int32 `[B, P]`, content of the users' and the contexts' features, -1 = padding; `[B, 0]` where
            nothing is known.
          user_weights: float32 `[B, P]`.
        """
        users = as_matrix(user_positions, user_weights, self._user_size)
        queries = []
        for tables, half_lives, of_users in zip(self._tables, self._half_lives, self._user_tables, strict=True):
            query = embed_history(history_rows, tables, half_lives)
            if of_users is not None:
                query = with_features(query, history_rows, users, of_users, self._user_content)
            queries.append(query)
        return {EMBEDDING: tf.concat(queries, axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name=HISTORY_ROWS)], autograph=False)
    def repeats(self, history_rows: Any) -> Any:
        """What the score of every item of a history rises by, at its newest place: float32 `[B, H]`, else 0."""
        if self._repeats is None:
            return tf.zeros_like(history_rows, tf.float32)
        return self._repeats(history_rows)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32, name=HISTORY_ROWS),
            tf.TensorSpec([None, None], tf.float32, name=CANDIDATES),
        ],
        autograph=False,
    )
    def contributions(self, history_rows: Any, candidates: Any) -> Any:
        """What every position of a history adds to the score of one candidate: float32 `[B, H]`.

        They add up to the inner product of the query with the candidate, less the candidate's biases and what the
        features of the user add.

        Args:
          history_rows: int32 `[B, H]`, as of `embed_query`.
          candidates: float32 `[B, D]`, one a row.
        """
        parts = tf.split(candidates, self._widths, axis=1)
        return tf.add_n(
            [
                contributions(history_rows, tables, half_lives, part)
                for tables, half_lives, part in zip(self._tables, self._half_lives, parts, strict=True)
            ]
        )

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name=USER_FEATURES)], autograph=False)
    def read_user_features(self, user_features: Any) -> dict[str, Any]:
        """Content of users from texts such as `country=DE`.

        Args:
          user_features: string `[B, U]`; "" is padding, and what names no feature of users is ignored.

        Returns:
          `positions` int32 and `weights` float32 `[B, P]` (padding as of `embed_query`), and `given` bool `[B]`:
          whether any text says a known value.
        """
        if self._user_texts is None:
            return _nothing(tf.shape(user_features)[0])
        return _as_parts(self._user_texts.content, self._user_texts(user_features))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name=CONTEXT_TEXTS)], autograph=False)
    def read_context(self, context: Any) -> dict[str, Any]:
        """Content of contexts from texts such as `hour=13`, string `[B, C]`; as `read_user_features`."""
        codes, given = self._contexts.read(context)
        positions = self._contexts.positions(codes)
        return {POSITIONS: positions, WEIGHTS: tf.ones_like(positions, tf.float32), GIVEN: given}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=features.EXAMPLES)], autograph=False)
    def context_of_rows(self, examples: Any) -> Any:
        """Texts string `[B, K]` of the contexts of held-out rows, serialized Examples string `[B]`."""
        parsing = {
            spec.raw: tf.io.FixedLenFeature([], tf.string, "") for spec in columns_of_context(self._contexts.specs)
        }
        rows = tf.io.parse_example(examples, {features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0), **parsing})
        return self._contexts.of_rows(rows[features.TIMESTAMP], rows)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=features.EXAMPLES)], autograph=False)
    def encode_users(self, examples: Any) -> dict[str, Any]:
        """The same from serialized Examples of the split `users`, string `[B]`."""
        if self._user_texts is None:
            return _nothing(tf.size(examples))
        return _as_parts(self._user_texts.content, self._user_texts.of_examples(examples))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=features.EXAMPLES)], autograph=False)
    def embed_candidates(self, examples: Any) -> dict[str, Any]:
        """Candidates float32 `[B, D]` of items, known or new, from serialized Examples of the split `items`."""
        transformed = self._transform(raw_features(examples, self._specs, ITEM))
        index, values = transformed[features.ITEM_INDEX].values, by_name(transformed, self._specs)
        encoded = {content: content(index, values) for content in dict.fromkeys(self._contents)}
        vectors = [
            tower(encoded[content]) for tower, content in zip(self._candidate_towers, self._contents, strict=True)
        ]
        return {EMBEDDING: tf.concat(vectors, axis=1)}

    def save(self, folder: str) -> None:
        """Writes the SavedModel."""
        tf.saved_model.save(
            self,
            folder,
            signatures={EMBED_QUERY: self.embed_query, EMBED_CANDIDATES: self.embed_candidates},
        )


def _without_bias(width: int) -> Floats:
    return np.append(np.ones(width - 1, np.float32), np.float32(0))


def _as_parts(content: Content, encoded: Encoded) -> dict[str, Any]:
    positions, weights = encoded.padded()
    return {POSITIONS: positions, WEIGHTS: weights, GIVEN: content.told(encoded)}


def _nothing(rows: Any) -> dict[str, Any]:
    """What is known of users where they have no features."""
    none = tf.zeros([rows, 0])
    return {POSITIONS: tf.cast(none, tf.int32), WEIGHTS: none, GIVEN: tf.zeros([rows], tf.bool)}
