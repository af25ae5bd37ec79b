"""Counted transitions as one more pair of towers: no training, and what learned vectors of few rows do not know."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.utils.extmath import randomized_svd

from components.baselines.transitions import find_transitions
from components.examples import Floats
from components.retrieval.content import UNKNOWN_SLOT, ItemContent, Items
from components.retrieval.towers import CandidateTower, QueryTower

WINDOW, SHRINK, HALF_LIFE = 20, 5.0, 2.0
FOLLOWERS, MOST_ROWS = 500, 5_000_000
POWER_ITERATIONS = 2


class TransitionVectors(tf.Module):  # type: ignore[misc]
    """Window transitions (components/baselines/transitions.py) in the form of two towers of ids.

    Their matrix S is cut to its largest singular values, S ≈ U Σ Vᵀ, so that the sum of S over a history, whose latest
    item weighs most, is an inner product: U √Σ are the vectors of the history, V √Σ those of the candidates.

    Args:
      vectors: float32 `[N, d]` twice: of the history and of candidates, by catalogue row.
      content: With an id slot for every item that has vectors.
      items: The catalogue, encoded by `content`.
    """

    def __init__(self, vectors: tuple[Floats, Floats], content: ItemContent, items: Items) -> None:
        super().__init__(name="transition_vectors")
        slots, dim = content.slots, vectors[0].shape[1]
        self.query_tower = QueryTower((HALF_LIFE,), slots, 0, dim, 0)
        self.candidate_tower = CandidateTower(slots, 0, dim, np.zeros(slots, np.float32), 0)
        self.items, self.item_content = items, content
        self.users = None
        encoders = self.query_tower.encoder, self.candidate_tower.encoder
        for encoder, table in zip(encoders, vectors, strict=True):
            by_slot = np.zeros((slots, dim), np.float32)
            by_slot[items.slots.numpy()] = table
            by_slot[UNKNOWN_SLOT] = 0  # what has no rows
            encoder.ids.assign(by_slot)

    def embed_catalogue(self) -> tuple[Any, Any]:
        """Input tables float32 `[N, d]` and candidates float32 `[N, d + 1]`."""
        return self.query_tower.tables(self.items), self.candidate_tower(self.items)


def factors(sequences: Any, items: int, dim: int) -> tuple[Floats, Floats] | None:
    """U √Σ and V √Σ of the transitions, float32 `[N, at most dim]` each; None where nothing follows anything.

    Singular vectors are found by random projections (Halko, Martinsson and Tropp, "Finding structure with randomness",
    SIAM Review 53(2), 2011): of 512 in a thirteenth of the time of Lanczos iterations, and as good for lists.

    Args:
      sequences: RaggedRows, the training rows of each user, oldest first.
      items: Items of the catalogue, `N`.
      dim: Singular values that are kept.
    """
    matrix = find_transitions(sequences, items, WINDOW, SHRINK, FOLLOWERS, MOST_ROWS).similarities
    dim = min(dim, items - 1)
    if not matrix.nnz or dim < 1:
        return None
    left, values, right = randomized_svd(matrix, dim, n_iter=POWER_ITERATIONS, random_state=0)
    root = np.sqrt(values)
    return (left * root).astype(np.float32), (right.T * root).astype(np.float32)
