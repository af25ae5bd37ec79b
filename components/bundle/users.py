"""What the bundle holds of every known user: interactions, what was seen, and all that the models make of them.

Shapes: `B` rows, `U` users, `D` width of a query, `W` width of the rating model's user vector. User
number `U` is everybody who is not known: no interactions, and the vectors of an empty history.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from components.bundle.known import KnownUsers
from components.bundle.sorted_lists import END
from components.examples import Floats, Ints, RaggedRows

USERS_AT_ONCE = 1024


class UserTable(tf.Module):  # type: ignore[misc]
    """Lookups by user id.

    Args:
      known: The users; fewer than 2^31 - U interactions.
      queries: float32 `[U + 1, D]`.
      vectors: float32 `[U + 1, W]`; None where no ratings are predicted.

    Attributes:
      size: U.
      parts: What it holds, as variables by name: the stored form, from which a bundle is put together once more
        (stock.py).
    """

    def __init__(self, known: KnownUsers, queries: Floats, vectors: Floats | None) -> None:
        super().__init__(name="users")
        self.size = users = len(known.user_ids)
        lists, left_out = known.interactions, known.left_out
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(known.user_ids.tolist(), tf.string), tf.range(users, dtype=tf.int32)
            ),
            users,
        )
        lengths = np.append(np.diff(lists.row_splits), 0).astype(np.int32)
        parts = {
            # One entry more behind the last list, so that the start of an empty one is a position too.
            "rows": _variable(np.append(lists.rows, np.int32(-1)), "known_rows"),
            "ratings": _variable(np.append(lists.ratings, np.float32(0)), "known_ratings"),
            "starts": _variable(lists.row_splits.astype(np.int32), "known_starts"),
            "lengths": _variable(lengths, "known_lengths"),
            "liked": _variable(np.append(np.diff(known.liked.row_splits) > 0, False), "known_liked"),
            "seen": _variable(_sorted_with_ends(left_out), "seen_rows"),
            "seen_starts": _variable(left_out.row_splits.astype(np.int32), "seen_starts"),
            "seen_lengths": _variable(np.append(np.diff(left_out.row_splits), 0).astype(np.int32), "seen_lengths"),
            "told": _variable(np.append(known.told, False), "known_told"),
            "queries": _variable(queries, "user_queries"),
        }
        if vectors is not None:
            parts["vectors"] = _variable(vectors, "user_vectors")
        if known.content is not None:
            parts |= {
                "content_splits": _variable(known.content.row_splits.astype(np.int32), "content_splits"),
                "content_positions": _variable(np.append(known.content.rows, np.int32(-1)), "content_positions"),
                "content_weights": _variable(np.append(known.content.weights, np.float32(0)), "content_weights"),
            }
        self.parts = parts

    def lookup(self, user_id: Any) -> Any:
        """User numbers int32 `[B]` of ids string `[B]`."""
        return self._table.lookup(user_id)

    def lengths(self, users: Any) -> Any:
        """How many interactions each has, int32 `[B]`."""
        return tf.gather(self.parts["lengths"], users)

    def liked(self, users: Any) -> Any:
        """Whether anything is known that each liked, bool `[B]`."""
        return tf.gather(self.parts["liked"], users)

    def content(self, users: Any) -> tuple[Any, Any]:
        """What the features of each come to: positions int32 and weights float32 `[B, P]`, -1 and 0 behind."""
        if "content_splits" not in self.parts:
            nothing = tf.zeros([tf.shape(users)[0], 0])
            return tf.cast(nothing, tf.int32), nothing
        starts, ends = (tf.gather(self.parts["content_splits"], users + one) for one in (0, 1))
        offset = tf.range(_longest(ends - starts))[tf.newaxis]
        real = offset < (ends - starts)[:, tf.newaxis]
        at = tf.where(real, starts[:, tf.newaxis] + offset, tf.size(self.parts["content_positions"]) - 1)
        return tf.gather(self.parts["content_positions"], at), tf.gather(self.parts["content_weights"], at)

    def told(self, users: Any) -> Any:
        """Whether any feature is known of each, bool `[B]`."""
        return tf.gather(self.parts["told"], users)

    def queries(self, users: Any) -> Any:
        """The retrieval model's queries of their histories, float32 `[B, D]`."""
        return tf.gather(self.parts["queries"], users)

    def vectors(self, users: Any) -> Any:
        """The rating model's user vectors, float32 `[B, W]`; None without a rating model."""
        return tf.gather(self.parts["vectors"], users) if "vectors" in self.parts else None

    def seen(self, users: Any) -> Any:
        """Catalogue rows that a list leaves out, as sorted lists int32 `[B, S]` (components/bundle/sorted_lists.py)."""
        last = tf.gather(self.parts["seen_lengths"], users)[:, tf.newaxis]
        # Positions beyond a list's own END stay there.
        offset = tf.minimum(tf.range(_longest(last) + 1), last)
        starts = (
            tf.gather(self.parts["seen_starts"], users) + users
        )  # an END stands behind the list of every user before
        return tf.gather(self.parts["seen"], starts[:, tf.newaxis] + offset)

    def interactions(self, users: Any, most: int | None = None) -> tuple[Any, Any]:
        """Rows int32 and ratings float32 `[B, longest]`, the `most` last of each, oldest first, -1 and 0 in front."""
        lengths = tf.gather(self.parts["lengths"], users)
        kept = lengths if most is None else tf.minimum(lengths, most)
        longest = _longest(kept)
        offset = tf.range(longest)[tf.newaxis] - longest + lengths[:, tf.newaxis]
        at = tf.gather(self.parts["starts"], users)[:, tf.newaxis] + tf.maximum(offset, 0)
        real = offset >= (lengths - kept)[:, tf.newaxis]
        return tf.where(real, tf.gather(self.parts["rows"], at), -1), tf.where(
            real, tf.gather(self.parts["ratings"], at), 0.0
        )


def encoded(retrieval: Any, ranker: Any, known: KnownUsers) -> tuple[Floats, Floats | None]:
    """Queries and the rating model's user vectors of all users, and of nobody as the last one.

    Args:
      retrieval: Loaded retrieval model.
      ranker: Loaded ranking model; None for data without ratings.
      known: The users.

    Returns:
      float32 `[U + 1, D]` and `[U + 1, W]` (None without a ranker).
    """
    queries, vectors = [], []
    ids = np.append(known.user_ids, b"")
    for start in range(0, len(ids), USERS_AT_ONCE):
        users = np.arange(start, min(start + USERS_AT_ONCE, len(ids)), dtype=np.int32)
        rows, _ = last_interactions(known.liked, users, int(retrieval.history_length))
        positions, weights = _padded(known.content, users)
        context = retrieval.read_context(tf.fill([len(users), 0], ""))
        told = tf.concat([positions, context["positions"]], 1), tf.concat([weights, context["weights"]], 1)
        queries.append(retrieval.embed_query(tf.constant(rows), *told)["embedding"].numpy())
        if ranker is not None:
            rows, ratings = last_interactions(known.interactions, users, int(ranker.history_length))
            asked = tf.constant(ids[users].tolist(), tf.string)
            read = asked, tf.constant(rows), tf.constant(ratings), positions, weights
            vectors.append(ranker.encode_users(*read).numpy())
    return np.concatenate(queries), np.concatenate(vectors) if vectors else None


def last_interactions(lists: RaggedRows, users: Ints, most: int) -> tuple[Ints, Floats]:
    """Rows and ratings `[users, longest]`, the `most` last of each, -1 and 0 in front, none for users beyond."""
    splits = np.append(lists.row_splits, lists.row_splits[-1])
    ends = splits[users + 1]
    lengths = np.minimum(ends - splits[users], most)
    width = int(lengths.max(initial=0))
    offset = np.arange(-width, 0)[None]
    real = -offset <= lengths[:, None]
    at = np.where(real, ends[:, None] + offset, 0)
    rows, ratings = np.append(lists.rows, 0), np.append(lists.ratings, 0)
    return (
        np.where(real, rows[at], -1).astype(np.int32),
        np.where(real, ratings[at], 0).astype(np.float32),
    )


def _padded(content: RaggedRows | None, users: Ints) -> tuple[Any, Any]:
    """Positions int32 and weights float32 `[users, longest]`, -1 and 0 behind."""
    if content is None:
        return tf.zeros([len(users), 0], tf.int32), tf.zeros([len(users), 0])
    splits = content.row_splits
    within = slice(splits[users[0]], splits[users[-1] + 1])
    rows = splits[users[0] : users[-1] + 2] - splits[users[0]]
    return (
        tf.RaggedTensor.from_row_splits(content.rows[within], rows).to_tensor(-1),
        tf.RaggedTensor.from_row_splits(content.weights[within], rows).to_tensor(0.0),
    )


def _sorted_with_ends(lists: RaggedRows) -> Ints:
    """Every list in ascending order and END behind each, the list of nobody among them."""
    users = len(lists)
    owner = np.repeat(np.arange(users), np.diff(lists.row_splits))
    rows = np.concatenate([lists.rows, np.full(users + 1, END, np.int32)])
    owners = np.concatenate([owner, np.arange(users + 1)])
    sorted_rows: Ints = rows[np.lexsort((rows, owners))]
    return sorted_rows


def _longest(lengths: Any) -> Any:
    return tf.maximum(tf.reduce_max(lengths), 0)  # the largest of no numbers is the lowest there is


def _variable(value: Any, name: str) -> Any:
    return tf.Variable(value, trainable=False, name=name)
