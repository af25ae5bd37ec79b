"""What the rating model reads of the features of users: content of every user row, pooled feature by feature."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from components.examples import Floats, Ints, Strings
from components.ragged import Lists
from components.training.users import Users


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserContent:
    """Content of users; a list is a user row, the last one that of somebody of whom nothing is known.

    Attributes:
      positions: Lists of positions; none at all where users have no features.
      weights: float32, `[total]`.
      feature_of: int32, `[positions there are]`: the feature of each.
      missing_of: int32, `[positions there are]`: what stands for a missing value of that feature; -1: nothing.
      features: Number of features.
    """

    positions: Lists
    weights: Floats
    feature_of: Ints
    missing_of: Ints
    features: int

    @property
    def size(self) -> int:
        """Number of positions there are."""
        return len(self.feature_of)

    def select(self, user_rows: Ints) -> tuple[Ints, Ints, Floats]:
        """Positions, their owners (places in `user_rows`, ascending) and weights of some rows, `[selected]` each."""
        positions, owners = self.positions.select(user_rows)
        places, _ = dataclasses.replace(
            self.positions, values=np.arange(len(self.positions.values), dtype=np.int32)
        ).select(user_rows)
        return positions, owners, self.weights[places]


def no_content(user_rows: int) -> UserContent:
    """The content of users without features."""
    nothing = np.zeros(0, np.int32)
    return UserContent(
        positions=Lists(row_splits=np.zeros(user_rows + 1, np.int64), values=nothing),
        weights=np.zeros(0, np.float32),
        feature_of=nothing,
        missing_of=nothing,
        features=0,
    )


def user_content(users: Users | None, user_ids: Strings) -> UserContent:
    """Of the user rows of a training: users with rows, and one more for everybody else.

    Args:
      users: The features of all users; None: they have none.
      user_ids: Users with rows, in the order of the user rows.
    """
    if users is None or not users.content.blocks:
        return no_content(len(user_ids) + 1)
    encoded = users.encoded.select(tf.constant(np.append(users.rows_of(user_ids), len(users.ids)), tf.int32))
    feature_of, missing_of = users.content.tables()
    return UserContent(
        positions=Lists(
            row_splits=encoded.positions.row_splits.numpy().astype(np.int64),
            values=encoded.positions.flat_values.numpy(),
        ),
        weights=encoded.weights.flat_values.numpy(),
        feature_of=feature_of,
        missing_of=missing_of,
        features=len(users.content.blocks),
    )
