"""Brings users together: each user once, users with lists of like length in one block, the same blocks on every engine.

A user belongs to a bucket by a hash of the id. Within its bucket users are sorted by length of their lists and
cut into blocks. So a block is the same whoever computes it and whenever: engines, runs and retries give the
same rows. A block costs what its longest list costs, which is why like users share one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.batch_scoring.blocks import POSITION, USER_ID, WEIGHT, UserBlock, one_batch

USERS_OF_A_BUCKET = 1 << 14
CELLS_OF_A_BLOCK = 1 << 20
"""Users of a block times the longest of their lists: bounds the memory of one call of the model."""


def number_of_buckets(users: int, shards: int) -> int:
    """Enough buckets for `users`, a multiple of the number of output files."""
    wanted = -(-users // USERS_OF_A_BUCKET)
    return max(1, -(-wanted // shards)) * shards


def by_bucket(users: Any, buckets: int) -> Iterator[tuple[int, UserBlock]]:
    """Parts a record batch of users by their buckets."""
    hashes = pd.util.hash_array(users.column(0).to_numpy(zero_copy_only=False), categorize=False)
    bucket = (hashes % np.uint64(buckets)).astype(np.int64)
    order = np.argsort(bucket, kind="stable")
    ordered = pa.Table.from_batches([users]).take(pa.array(order))
    edges = np.searchsorted(bucket[order], np.arange(buckets + 1))
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        if end > start:
            yield number, UserBlock(users=one_batch(ordered.slice(int(start), int(end - start))))


def each_once(blocks: Iterable[UserBlock]) -> tuple[Any, int]:
    """The users of a bucket, each once: the first record of a user counts.

    Returns:
      A record batch, users with short lists first, ties by id; and how many records were left out.
    """
    table = pa.Table.from_batches([block.users for block in blocks])
    table = table.sort_by([(USER_ID, "ascending"), (POSITION, "ascending")])
    ids = table[USER_ID].combine_chunks()
    first = np.ones(len(ids), bool)
    if len(ids) > 1:
        first[1:] = ~pc.equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    unique = table.filter(pa.array(first)).sort_by([(WEIGHT, "ascending"), (USER_ID, "ascending")])
    return one_batch(unique), int(len(first) - first.sum())


def cut(users: Any, shard: int, most: int) -> Iterator[UserBlock]:
    """Blocks of at most `most` users, fewer where their lists are long."""
    weights = users.column(users.schema.get_field_index(WEIGHT)).to_numpy()
    start = 0
    while start < len(weights):
        end = start + _length(weights[start : start + most])
        yield UserBlock(users=users.slice(start, end - start), shard=shard)
        start = end


def _length(weights: Any) -> int:
    """How many of the next users, sorted by weight, a block holds."""
    cells = np.arange(1, len(weights) + 1) * weights.astype(np.int64)  # of the block that ends here
    return max(1, int(np.searchsorted(cells, CELLS_OF_A_BLOCK, side="right")))
