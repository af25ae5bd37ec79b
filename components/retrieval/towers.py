"""The two towers: query (a history of items) and candidate (an item), dot product in between.

Shapes: `B` rows, `H` history positions, `N` items of the catalogue, `d` embedding_dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Floats
from components.retrieval.content import Items
from components.transform.content import Encoded

INITIAL_SCALE, INITIAL_ROWS = 0.05, 65_536
NEGLIGIBLE = 1e-4  # weight of a history position below which it is not read


class ItemEncoder(tf.keras.layers.Layer):  # type: ignore[misc]
    """Vector of an item = id vector + weighted sum of the vectors of its content.

    Args:
      slots: Number of id vectors.
      content: Number of content vectors; 0 = items are ids alone.
      dim: Width of a vector.
      seed: Of the first weights.
      name: Of the layer.
    """

    def __init__(self, slots: int, content: int, dim: int, seed: int, name: str) -> None:
        super().__init__(name=name)
        self.ids = self.add_weight("ids", [slots, dim], initializer=_normal(seed))
        self.content = self.add_weight("content", [content, dim], initializer=_normal(seed + 1)) if content else None

    @property
    def tables(self) -> list[Any]:
        """The weights."""
        return [self.ids] if self.content is None else [self.ids, self.content]

    def id_vectors(self, items: Items) -> Any:
        """The id vectors of `n` items, float32 `[n, d]`."""
        return tf.gather(self.ids, items.slots)

    def call(self, items: Items, id_vectors: Any = None) -> Any:
        """Encodes `n` items as float32 `[n, d]`.

        Args:
          items: The items.
          id_vectors: Those of the items, where they have been gathered already.
        """
        vectors = self.id_vectors(items) if id_vectors is None else id_vectors
        return (
            vectors
            if self.content is None
            else vectors + tf.sparse.sparse_dense_matmul(items.content.matrix(), self.content)
        )


class QueryTower(tf.keras.layers.Layer):  # type: ignore[misc]
    """Query = sum of poolings of the history, each with its own vectors of the items (columns of one encoder).

    Pooling `p` weighs the item that is `age` positions before the latest one by
    `2 ** (-age / half_life)` (0: all alike); a row's weights are l2-normalised. No user id is
    needed: a person whom training never saw is served by the same trained path. What is known of the user and of the
    moment (features, if the data have any) adds a vector of its own (`with_features`), so it alone is a query, too.

    Args:
      half_lives: One a pooling.
      slots: Number of id vectors.
      content: Number of content vectors of items.
      dim: Width of a pooling.
      seed: Of the first weights.
      user_content: Number of content vectors of users; 0 = nothing is known of them.
      context_content: Number of content vectors of contexts, which stand behind those of users.
    """

    def __init__(
        self,
        half_lives: Sequence[float],
        slots: int,
        content: int,
        dim: int,
        seed: int,
        user_content: int = 0,
        context_content: int = 0,
    ) -> None:
        super().__init__(name="query_tower")
        self.half_lives = tuple(half_lives)
        self.encoder = ItemEncoder(slots, content, len(half_lives) * dim, seed, "history")
        self._user_content = user_content
        told = user_content + context_content
        self.users = self.add_weight("users", [told, dim], initializer=_normal(seed + 2)) if told else None

    def tables(self, items: Items, id_vectors: Any = None) -> Any:
        """Input vectors of `n` items for all poolings, float32 `[n, poolings * d]`."""
        return self.encoder(items, id_vectors)

    def call(self, history: Any, tables: Any, users: Encoded | None = None) -> Any:
        """Embeds histories and what is known of their users.

        Args:
          history: int32 `[B, H]` rows of `tables`, newest last, -1 = padding, anywhere.
          tables: float32 `[n, poolings * d]`.
          users: Content of the `B` users; None: nothing is known.

        Returns:
          float32 `[B, d + 1]`; the last dimension is 1 and meets the candidate's bias.
        """
        query = embed_history(history, tables, self.half_lives)
        if self.users is None or users is None:
            return query
        return with_features(query, history, users.matrix(), self.users, self._user_content)


class CandidateTower(tf.keras.layers.Layer):  # type: ignore[misc]
    """Candidate = item encoder plus one more dimension, a bias that starts at log popularity.

    Attributes:
      scale: What candidates, and so all scores, are multiplied by; never while they are trained.
    """

    def __init__(self, slots: int, content: int, dim: int, log_popularity: Floats, seed: int) -> None:
        super().__init__(name="candidate_tower")
        self.scale = 1.0
        self.encoder = ItemEncoder(slots, content, dim, seed, "candidates")
        self.bias = self.add_weight("bias", [slots], initializer=lambda *_, **__: tf.constant(log_popularity))

    def call(self, items: Items, id_vectors: Any = None) -> Any:
        """Embeds `n` items as float32 `[n, d + 1]`; see `ItemEncoder.call`."""
        encoded = self.encoder(items, id_vectors)
        vectors = tf.concat([encoded, tf.gather(self.bias, items.slots)[:, tf.newaxis]], axis=1)
        return vectors if self.scale == 1 else self.scale * vectors


def with_features(queries: Any, history: Any, content: Any, table: Any, user_content: int) -> Any:
    """Adds to queries what is known of their users and contexts.

    What a user's features say counts `1 / sqrt(1 + items in the history)`: it is all there is of somebody without a
    history, and a history of a hundred items has said it already. What the context says counts in full.

    Args:
      queries: float32 `[B, d + 1]`.
      history: int32 `[B, H]`, as of `embed_history`.
      content: SparseTensor `[B, size]`, weights of the content of users, and behind it of that of contexts.
      table: float32 `[size, d]`, a vector of each.
      user_content: How many of them are of users.
    """
    lengths = tf.reduce_sum(tf.cast(history >= 0, tf.float32), axis=1)
    shares = tf.gather(tf.math.rsqrt(1 + lengths), content.indices[:, 0])
    weights = tf.where(content.indices[:, 1] < user_content, content.values * shares, content.values)
    vectors = tf.sparse.sparse_dense_matmul(content.with_values(weights), table)
    return queries + tf.pad(vectors, [[0, 0], [0, 1]])


def embed_history(history: Any, tables: Any, half_lives: Sequence[float]) -> Any:
    """Pools input vectors of a history; see `QueryTower`.

    A product of a sparse matrix of weights with the table, whose rows are read as one row an item and
    pooling: an eighth of the time of gathering every vector, no part of the table is copied, and
    positions whose weight is next to nothing cost nothing.
    """
    poolings = len(half_lives)
    felt, rows, weights = _felt(history, half_lives)
    shape = tf.stack([tf.shape(history, tf.int64)[0], tf.shape(tables, tf.int64)[0] * poolings])
    matrix = tf.SparseTensor(tf.stack([felt[:, 0], rows], axis=1), weights, shape)
    query = tf.sparse.sparse_dense_matmul(matrix, tf.reshape(tables, [-1, tables.shape[1] // poolings]))
    return tf.concat([query, tf.ones_like(query[:, :1])], axis=1)


def contributions(history: Any, tables: Any, half_lives: Sequence[float], candidates: Any) -> Any:
    """What every position of a history adds to the score of one candidate.

    The query is a sum over positions, so the score is one too: a row's contributions add up to the
    inner product of `embed_history` and the candidate, less the candidate's bias.

    Args:
      history: int32 `[B, H]`, as of `embed_history`.
      tables: float32 `[n, poolings * d]`.
      half_lives: One a pooling.
      candidates: float32 `[B, d + 1]`.

    Returns:
      float32 `[B, H]`, 0 at padding.
    """
    felt, rows, weights = _felt(history, half_lives)
    vectors = tf.gather(tf.reshape(tables, [-1, tables.shape[1] // len(half_lives)]), rows)
    parts = weights * tf.reduce_sum(vectors * tf.gather(candidates[:, :-1], felt[:, 0]), axis=1)
    return tf.scatter_nd(felt[:, :2], parts, tf.shape(history, tf.int64))


def _felt(history: Any, half_lives: Sequence[float]) -> tuple[Any, Any, Any]:
    """Where a history is felt: (row, position, pooling) int64 `[m, 3]`, table rows int64 `[m]`, weights `[m]`.

    A table's row is one item and pooling.
    """
    weights = tf.stack(pooling_weights(history, half_lives), axis=2)
    felt = tf.where(weights > NEGLIGIBLE)
    rows = tf.cast(tf.gather_nd(history, felt[:, :2]), tf.int64) * len(half_lives) + felt[:, 2]
    return felt, rows, tf.gather_nd(weights, felt)


def pooling_weights(history: Any, half_lives: Sequence[float]) -> list[Any]:
    """Weights of every position for every half-life, each float32 `[B, H]`, 0 at padding."""
    present = tf.cast(history >= 0, tf.float32)
    age = tf.cumsum(present, axis=1, reverse=True, exclusive=True)
    weights = []
    for half_life in half_lives:
        raw = present if half_life == 0 else present * tf.pow(2.0, -age / half_life)
        weights.append(tf.math.divide_no_nan(raw, tf.norm(raw, axis=1, keepdims=True)))
    return weights


def _normal(seed: int) -> Any:
    values = np.random.default_rng(seed)

    def initialize(shape: Any, dtype: Any = None, **_: Any) -> Any:
        drawn = np.empty([int(size) for size in shape], np.float32)
        for start in range(0, len(drawn), INITIAL_ROWS):  # in blocks: numpy draws doubles
            block = drawn[start : start + INITIAL_ROWS]
            block[...] = values.normal(0.0, INITIAL_SCALE, block.shape)
        return tf.constant(drawn, dtype or tf.float32)

    return initialize
