"""What a query knows beside the history: features of the user, and of the context in which it is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.context_codes import MISSING
from components.examples import NOBODY, Ints, Strings, read_users
from components.feature_specs import CONTEXT, USER, of
from components.transform.content import Content, Encoded, create_content
from components.transform.contexts import Contexts
from components.transform.graph import TransformGraph


@dataclasses.dataclass(frozen=True, kw_only=True)
class Users:
    """Features of `n` users, and one row more, the last, of somebody of whom nothing is known; and those of contexts.

    Attributes:
      ids: bytes `[n]`, sorted; none where users have no features.
      content: Of the features of users.
      encoded: Their content, `[n + 1]`.
      contexts: The features of contexts; their positions follow those of the users.
    """

    ids: Strings
    content: Content
    encoded: Encoded
    contexts: Contexts

    @property
    def size(self) -> int:
        """Number of positions there are."""
        return self.content.size + self.contexts.size

    def rows_of(self, ids: Strings) -> Ints:
        """The row of each of some users, int32 `[users]`."""
        row_of = {user: row for row, user in enumerate(self.ids)}
        return np.fromiter((row_of.get(user, len(row_of)) for user in ids), np.int32, len(ids))

    def known(self, rows: Any, codes: Any, hidden: float = 0.0) -> Encoded:
        """Content of queries.

        Args:
          rows: int32 `[B]`, of the users.
          codes: int32 `[B, K]`, of the contexts.
          hidden: Share of the features, drawn anew at every call, that are taken for missing.
        """
        users = self.encoded.select(rows)
        if hidden:
            users = self.content.hidden(users, hidden, optional_only=False)
            codes = tf.where(tf.random.uniform(tf.shape(codes)) < hidden, MISSING, codes)
        if not self.contexts.specs:
            return Encoded(users.positions, users.weights, self.size)
        positions = tf.RaggedTensor.from_tensor(self.contexts.positions(codes))
        weights = positions.with_flat_values(tf.ones_like(positions.flat_values, tf.float32))
        return Encoded(
            tf.concat([users.positions, positions], axis=1), tf.concat([users.weights, weights], axis=1), self.size
        )


def read_user_features(patterns: Sequence[str], graph: TransformGraph) -> Users | None:
    """The features of all users, from files that match `patterns`, and of contexts; None where there are none."""
    specs = of(graph.specs, USER)
    if not specs and not of(graph.specs, CONTEXT):
        return None
    ids, examples = read_users(patterns) if specs else (np.zeros(0, object), np.zeros(0, object))
    features = graph.user_features(np.append(examples, np.array([NOBODY], object)))
    content = create_content(graph, specs, features)
    return Users(
        ids=ids,
        content=content,
        encoded=content.of(features),
        contexts=Contexts(of(graph.specs, CONTEXT), content.size),
    )
