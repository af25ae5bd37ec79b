"""User + item means, which a rating model must beat."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.examples import Floats, Ints, Longs, RaggedRows

DAMPING = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Means:
    """Rating = mean + user's bias + item's bias.

    Attributes:
      mean: Mean of all training ratings, in stars.
      users: float32 `[users]`, 0 for a user without training rows.
      items: float32 `[items]`, 0 for an item without training rows.
    """

    mean: float
    users: Floats
    items: Floats


def damped_means(sequences: RaggedRows, items: int) -> Means:
    """Biases by damped means.

    item = sum(rating - mean) / (ratings + 5); user = sum(rating - mean - item) / (ratings + 5), both
    over training rows (Funk 2006; Ekstrand et al., "Collaborative Filtering Recommender Systems", 2011, eq. 2.1).
    """
    if not len(sequences.ratings):
        return Means(mean=0.0, users=np.zeros(len(sequences), np.float32), items=np.zeros(items, np.float32))
    owner = np.repeat(np.arange(len(sequences)), np.diff(sequences.row_splits))
    mean = float(sequences.ratings.mean(dtype=np.float64))
    item_bias = _damped(sequences.rows, sequences.ratings - mean, items)
    residual = sequences.ratings - mean - item_bias[sequences.rows]
    user_bias = _damped(owner, residual, len(sequences))
    return Means(mean=mean, users=user_bias.astype(np.float32), items=item_bias.astype(np.float32))


def _damped(groups: Longs | Ints, values: Floats, size: int) -> Floats:
    sums = np.bincount(groups, weights=values, minlength=size)
    return sums / (np.bincount(groups, minlength=size) + DAMPING)
