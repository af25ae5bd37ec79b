"""The two-tower retrieval model: two towers and a loss.

Shapes: `B` rows, `H` history positions, `T` targets, `N` items of the catalogue, `d` embedding_dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.retrieval.content import ItemContent, Items
from components.retrieval.penalty import Penalty
from components.retrieval.rows import CONTEXT, USERS
from components.retrieval.towers import CandidateTower, ItemEncoder, QueryTower
from components.training.users import Users

BLOCK = 65_536
"""Items that are encoded at once: sums of id vectors and content are as large as the tables."""


class Loss(Protocol):
    """What is minimised.

    Attributes:
      reads_catalogue: Whether every step reads all items; otherwise those of its batch and some that are drawn.
    """

    reads_catalogue: bool

    def __call__(self, model: TwoTowerModel, inputs: dict[str, Any], training: bool, /) -> Any:
        """Mean loss of a batch `{HISTORY: int32 [B, H], TARGETS: int32 [B, T]}`, and whether it is trained on."""


class TwoTowerModel(tfrs.Model):  # type: ignore[misc]
    """Scores items for a history by the inner product of the towers' vectors.

    Args:
      query_tower: Embeds histories.
      candidate_tower: Embeds items.
      items: The whole catalogue.
      loss: What is minimised, one of `components.retrieval.losses`.
      item_content: What encodes items.
      penalty: Of the squared norm of all tables, which losses add.
      reads_content: Whether the towers read features of items.
      item_dropout: Share of items whose id, and of optional features of items that, a step hides.
      users: What is known of all users; None: nothing.
      user_dropout: Share of rows whose history, and of users' features that, a step hides.
    """

    def __init__(
        self,
        query_tower: QueryTower,
        candidate_tower: CandidateTower,
        items: Items,
        loss: Loss,
        item_content: ItemContent,
        *,
        penalty: Penalty,
        item_dropout: float,
        reads_content: bool = True,
        users: Users | None = None,
        user_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.query_tower = query_tower
        self.candidate_tower = candidate_tower
        self.items = items
        self._loss = loss
        self._penalty = penalty
        self._item_dropout = item_dropout
        self.item_content = item_content
        self._content = item_content.content if reads_content else None
        self.users = users
        self._user_dropout = user_dropout

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Loss of a batch of histories and targets (catalogue rows, -1 = padding)."""
        return self._loss(self, inputs, training)

    def id_vectors(self, items: Items) -> list[Any]:
        """The id vectors of `n` items in each tower: float32 `[n, poolings * d]` and `[n, d]`."""
        return [encoder.id_vectors(items) for encoder in self._encoders]

    def encode(self, items: Items, training: bool, id_vectors: Sequence[Any] = (None, None)) -> tuple[Any, Any]:
        """Input tables float32 `[n, poolings * d]` and candidates float32 `[n, d + 1]` of `n` items.

        In training some items have no id: unknown items have a trained path then.

        Args:
          items: The items.
          training: Whether the vectors are trained on.
          id_vectors: Those of the items, where they have been gathered already.
        """
        hidden = None
        if training and self._item_dropout:
            hidden = tf.random.uniform([tf.size(items.slots)]) < self._item_dropout
            if self._content is not None and self._content.has_optional:
                items = Items(items.slots, self._content.hidden(items.content, self._item_dropout, optional_only=True))
        of_history, of_candidates = id_vectors
        return self.query_tower.tables(items, hidden, of_history), self.candidate_tower(items, hidden, of_candidates)

    def query(self, inputs: dict[str, Any], history: Any, tables: Any, training: bool) -> Any:
        """Queries float32 `[B, d + 1]` of a batch: of its users, and of histories that are rows of `tables`.

        In training some features of users are hidden, and some histories: a user of whom only a part is known, or
        features alone, has a trained path then.
        """
        if self.users is None:
            return self.query_tower(history, tables)
        hidden = self._user_dropout if training else 0.0
        users = self.users.known(inputs[USERS], inputs[CONTEXT], hidden)
        if hidden:
            unknown = tf.random.uniform([tf.shape(history)[0], 1]) < hidden
            history = tf.where(unknown, -1, history)
        return self.query_tower(history, tables, users)

    def embed_catalogue(self) -> tuple[Any, Any]:
        """Input tables float32 `[N, poolings * d]` and candidates float32 `[N, d + 1]`."""
        items = int(self.items.slots.shape[0])
        if items <= BLOCK:
            return self.encode(self.items, training=False)
        blocks = [tf.range(start, min(start + BLOCK, items)) for start in range(0, items, BLOCK)]
        parts = [self.encode(self.items.select(rows), training=False) for rows in blocks]
        tables, candidates = (tf.concat(part, axis=0) for part in zip(*parts, strict=True))
        return tables, candidates

    @property
    def gathered_tables(self) -> list[Any]:
        """The tables of which a step reads some rows alone; none where the loss reads the whole catalogue."""
        if self._loss.reads_catalogue:
            return []
        return [*(encoder.ids for encoder in self._encoders), self.candidate_tower.bias]

    def penalty(self) -> Any:
        """What the squared norm of all tables adds to the loss."""
        return self._penalty.of_tables(self._encoders, self._user_tables)

    def penalty_of(self, items: Items, id_vectors: Sequence[Any], occurrences: Any) -> Any:
        """The same in the mean over batches, from the `n` items of a batch that occur float32 `[n]` times each."""
        return self._penalty.of_rows(self._encoders, self._user_tables, items, id_vectors, occurrences)

    @property
    def _encoders(self) -> list[ItemEncoder]:
        return [self.query_tower.encoder, self.candidate_tower.encoder]

    @property
    def _user_tables(self) -> list[Any]:
        return [] if self.query_tower.users is None else [self.query_tower.users]
