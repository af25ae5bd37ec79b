"""Each user once, like users together, the same blocks whatever comes first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from components.batch_scoring import grouping
from components.batch_scoring.blocks import USERS_SCHEMA, UserBlock
from components.batch_scoring.grouping import by_bucket, cut, each_once, number_of_buckets


def block(rows):
    """Users from (id, position, weight)."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, USERS_SCHEMA.types, strict=False)]
    empty = [pa.nulls(len(rows), kind) for kind in USERS_SCHEMA.types[3:]]
    return UserBlock(users=pa.RecordBatch.from_arrays([*arrays, *empty], schema=USERS_SCHEMA))


def test_the_first_record_of_a_user_counts_whatever_arrives_first():
    one, other = block([("b", 9, 1), ("a", 2, 8)]), block([("b", 3, 5), ("c", 4, 1), ("b", 7, 0)])
    for blocks in ([one, other], [other, one]):
        users, duplicates = each_once(blocks)
        assert duplicates == 2
        assert users.column(0).to_pylist() == [b"c", b"b", b"a"]  # by weight
        assert users.column(1).to_pylist() == [4, 3, 2]


def test_buckets_part_users_by_id_alone():
    rows = [(f"user {number}", number, 0) for number in range(1000)]
    buckets = number_of_buckets(40_000, shards=4)
    assert buckets == 4
    whole = dict(by_bucket(block(rows).users, buckets))
    assert sum(len(one) for one in whole.values()) == 1000
    assert min(len(one) for one in whole.values()) > 200
    for number, one in by_bucket(block(rows[500:]).users, buckets):
        assert set(one.users.column(0).to_pylist()) <= set(whole[number].users.column(0).to_pylist())


@pytest.mark.parametrize(
    ("users", "shards", "buckets"), [(0, 1, 1), (1, 3, 3), (16_384, 1, 1), (16_385, 1, 2), (100_000, 4, 8)]
)
def test_there_are_as_many_buckets_as_needed_and_a_multiple_of_the_files(users, shards, buckets):
    assert number_of_buckets(users, shards) == buckets


def test_a_block_ends_where_it_would_grow_too_large(monkeypatch):
    monkeypatch.setattr(grouping, "CELLS_OF_A_BLOCK", 100)
    users = block(
        [(f"{number:02}", number, weight) for number, weight in enumerate([0] * 12 + [10] * 12 + [60, 200])]
    ).users
    blocks = list(cut(users, shard=3, most=8))
    assert [len(one) for one in blocks] == [8, 8, 8, 1, 1]
    assert {one.shard for one in blocks} == {3}
    cells = [len(one) * max(one.users.column(2).to_pylist()) for one in blocks]
    assert cells == [0, 80, 80, 60, 200]  # a single user is never too large
    assert np.concatenate([one.users.column(0).to_pylist() for one in blocks]).tolist() == users.column(0).to_pylist()
