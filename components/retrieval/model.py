"""The two-tower retrieval model: two towers and a loss.

Shapes: `B` rows, `H` history positions, `T` targets, `N` items of the catalogue, `d` embedding_dim.
"""

from __future__ import annotations

from typing import Any, Protocol

import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.retrieval.content import UNKNOWN_SLOT, ItemContent, Items
from components.retrieval.penalty import Gathered, Penalty
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

    def seen(self, items: Items, training: bool) -> tuple[Items, Any]:
        """`n` items as a step sees them, and which of them with their own ids, float32 `[n]` of 1 and 0.

        In training some items have no id: unknown items have a trained path then.
        """
        if not training or not self._item_dropout:
            return items, tf.ones(tf.shape(items.slots))
        hidden = tf.random.uniform([tf.size(items.slots)]) < self._item_dropout
        content = items.content
        if self._content is not None and self._content.has_optional:
            content = self._content.hidden(content, self._item_dropout, optional_only=True)
        return Items(tf.where(hidden, UNKNOWN_SLOT, items.slots), content), 1.0 - tf.cast(hidden, tf.float32)

    def gather(self, tower: QueryTower | CandidateTower, rows: Any, occurrences: Any, training: bool) -> Gathered:
        """What a tower encodes of a batch, from the catalogue rows int32 `[n]` (-1: some item, of no account)."""
        items, with_id = self.seen(self.items.select(tf.maximum(rows, 0)), training)
        vectors = tower.encoder.id_vectors(items)  # once: two gathers of a table are two gradients, to be added up
        return Gathered(items=items, id_vectors=vectors, occurrences=with_id * occurrences)

    def encode(self, items: Items) -> tuple[Any, Any]:
        """Input tables float32 `[n, poolings * d]` and candidates float32 `[n, d + 1]` of `n` items."""
        return self.query_tower.tables(items), self.candidate_tower(items)

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
            return self.encode(self.items)
        blocks = [tf.range(start, min(start + BLOCK, items)) for start in range(0, items, BLOCK)]
        parts = [self.encode(self.items.select(rows)) for rows in blocks]
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

    def penalty_of(self, of_history: Gathered, of_candidates: Gathered) -> Any:
        """The same in the mean over batches, from the items of a batch that each tower encodes."""
        return self._penalty.of_rows(self._encoders, self._user_tables, (of_history, of_candidates))

    @property
    def _encoders(self) -> list[ItemEncoder]:
        return [self.query_tower.encoder, self.candidate_tower.encoder]

    @property
    def _user_tables(self) -> list[Any]:
        return [] if self.query_tower.users is None else [self.query_tower.users]
