"""What flows through the job: blocks of users on the way in, blocks of rows on the way out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

USER_ID = "user_id"
POSITION = "position"
WEIGHT = "weight"
HISTORY_ITEM_IDS = "history_item_ids"
HISTORY_RATINGS = "history_ratings"

USERS_SCHEMA = pa.schema(
    [
        (USER_ID, pa.binary()),
        (POSITION, pa.int64()),  # where the record stood in the input; of two records of one user the first counts
        (WEIGHT, pa.int32()),  # length of the user's lists, as far as it is known: like users share a block
        (HISTORY_ITEM_IDS, pa.list_(pa.binary())),  # null: what the bundle has stored is asked
        (HISTORY_RATINGS, pa.list_(pa.float32())),  # as long as the items; 0 = not rated
    ]
)

RANK = "rank"
ITEM_ID = "item_id"
TITLE = "title"
SCORE = "score"
PREDICTED_RATING = "predicted_rating"
MODEL_VERSION = "model_version"

ROWS_SCHEMA = pa.schema(
    [
        (USER_ID, pa.string()),
        (RANK, pa.int32()),
        (ITEM_ID, pa.string()),
        (TITLE, pa.string()),
        (SCORE, pa.float32()),
        (PREDICTED_RATING, pa.float32()),
        (MODEL_VERSION, pa.string()),
    ]
)
"""One row is one recommended item of one user; rank 1 is the best."""

RETRIEVED_SCHEMA = pa.schema([field for field in ROWS_SCHEMA if field.name not in (TITLE, PREDICTED_RATING)])
"""Rows of the first stage alone."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class UserBlock:
    """Some users.

    Attributes:
      users: Record batch of `USERS_SCHEMA`.
      shard: Output file that the users' rows belong to.
    """

    users: Any
    shard: int = 0

    @classmethod
    def of(
        cls,
        user_ids: Sequence[str | bytes],
        histories: Sequence[Sequence[str | bytes] | None] | None = None,
        ratings: Sequence[Sequence[float] | None] | None = None,
    ) -> UserBlock:
        """A block from Python values, for pipelines that have ids and not files.

        Args:
          user_ids: One id a user.
          histories: Item ids that each person knows, oldest first; None where the stored history is asked.
          ratings: Stars for these items, 0 = not rated; None where none is rated.
        """
        count = len(user_ids)
        histories = histories or [None] * count
        ratings = ratings or [None] * count
        stars = [
            None if items is None else [0.0] * len(items) if given is None else list(given)
            for items, given in zip(histories, ratings, strict=True)
        ]
        weights = [len(items or ()) for items in histories]
        columns = [list(user_ids), list(range(count)), weights, list(histories), stars]
        arrays = [pa.array(values, kind) for values, kind in zip(columns, USERS_SCHEMA.types, strict=True)]
        return cls(users=pa.RecordBatch.from_arrays(arrays, schema=USERS_SCHEMA))

    def __len__(self) -> int:
        return int(self.users.num_rows)

    def slice(self, start: int, length: int) -> UserBlock:
        """`length` users from position `start` on."""
        return dataclasses.replace(self, users=self.users.slice(start, length))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _user_block, (to_bytes(self.users), self.shard)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rejected:
    """A record that cannot be scored.

    Attributes:
      position: Where it stood; `user_files.place` says it in words.
      user_id: Its user, as far as it can be told.
      reason: Why not.
    """

    position: int
    user_id: str
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ScoredBlock:
    """The answer to a block of users.

    Attributes:
      rows: Record batch of `ROWS_SCHEMA` or `RETRIEVED_SCHEMA`, users in the block's order, best item first.
      shard: Output file that the rows belong to.
      users: Users that were answered, also those for whom no item is left.
      sources: Users by where the answer comes from (serving/contract.py).
      rejected: Users that could not be answered.
    """

    rows: Any
    shard: int = 0
    users: int
    sources: dict[str, int] = dataclasses.field(default_factory=dict)
    rejected: Sequence[Rejected] = ()

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _scored_block, (to_bytes(self.rows), self.shard, self.users, dict(self.sources), tuple(self.rejected))


def one_batch(table: Any) -> Any:
    """The table as a single record batch."""
    batches = table.combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in table.schema.types], schema=table.schema)


def to_bytes(batch: Any) -> bytes:
    """The record batch alone: pickling a slice of an Arrow array would carry the whole array along."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def from_bytes(content: bytes) -> Any:
    """The record batch that `to_bytes` has written."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_next_batch()


def _user_block(content: bytes, shard: int) -> UserBlock:
    return UserBlock(users=from_bytes(content), shard=shard)


def _scored_block(
    content: bytes, shard: int, users: int, sources: dict[str, int], rejected: Sequence[Rejected]
) -> ScoredBlock:
    return ScoredBlock(rows=from_bytes(content), shard=shard, users=users, sources=sources, rejected=rejected)
