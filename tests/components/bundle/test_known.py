"""What the bundle knows of users, and its baselines, by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.baselines.means import damped_means
from components.baselines.popularity import popular_order, popularity, shares
from components.bundle.known import KnownUsers, known_users
from components.bundle.users_file import write_users
from components.examples import RaggedRows, UserSequences
from components.features import EVAL_PART, NEW_USER_PART, TEST_PART, TRAIN_PART
from components.seen_rule import SeenRule
from tests.components.bundle.small_bundle import ragged, strings

DAY = 86_400
# u: one row a part. v: test rows only. w: a new user, whose test row comes after two that nothing was learned from.
USERS = UserSequences(
    user_ids=strings(["u", "v", "w"]),
    items=dataclasses.replace(
        ragged([[0, 1, 4], [2, -1], [5, 3, 0]], [[5.0, 1.0, 2.0], [4.0, 4.0], [1.0, 2.0, 5.0]]),
        timestamps=np.array([1, 4, 9, 2, 8, 6, 7, 10], np.int64) * DAY,
    ),
    parts=np.array([TRAIN_PART, EVAL_PART, TEST_PART, TEST_PART, TEST_PART, NEW_USER_PART, NEW_USER_PART, TEST_PART]),
)


def understood(*, before_test=False, liked_from=None, leave_out_seen="always"):
    return known_users(
        USERS, before_test=before_test, liked_from=liked_from, leave_out_seen=SeenRule.parse(leave_out_seen)
    )


def lists(rows):
    return [rows[i].tolist() for i in range(len(rows))]


def test_going_live_every_row_is_known_but_those_of_items_that_are_not_in_the_catalogue():
    known = understood()
    assert known.user_ids.tolist() == [b"u", b"v", b"w"]
    for rows in (known.interactions, known.liked, known.left_out):
        assert lists(rows) == [[0, 1, 4], [2], [5, 3, 0]]
    assert known.interactions.ratings.tolist() == [5, 1, 2, 4, 1, 2, 5]


def test_where_answers_are_scored_test_rows_are_unknown_and_their_users_are_not():
    known = understood(before_test=True)
    assert known.user_ids.tolist() == [b"u", b"v", b"w"]
    assert lists(known.interactions) == lists(known.left_out) == [[0, 1], [], [5, 3]]


def test_dislikes_are_known_and_left_out_but_nothing_is_to_follow_from_them():
    known = understood(liked_from=2.0)
    assert lists(known.liked) == [[0, 4], [2], [3, 0]]
    assert lists(known.interactions) == lists(known.left_out) == [[0, 1, 4], [2], [5, 3, 0]]


@pytest.mark.parametrize(
    ("rule", "before_test", "expected"),
    [
        ("never", False, [[], [], []]),
        ("for_days:3", False, [[4], [], [3, 0]]),  # the latest row of all is of day 10: from day 7 on
        ("for_days:3", True, [[1], [], [5, 3]]),  # the latest row that is known is of day 7: from day 4 on
        ("for_days:100", False, [[0, 1, 4], [2], [5, 3, 0]]),
    ],
)
def test_what_a_list_leaves_out_follows_the_rule(rule, before_test, expected):
    known = understood(before_test=before_test, leave_out_seen=rule)
    assert lists(known.left_out) == expected
    assert lists(known.interactions) == ([[0, 1], [], [5, 3]] if before_test else [[0, 1, 4], [2], [5, 3, 0]])


def test_popularity_counts_training_rows_and_breaks_ties_by_row():
    counts = popularity(ragged([[2, 1], [2], [3, 1]]), items=5)
    assert counts.tolist() == [0, 2, 2, 1, 0]
    assert popular_order(counts).tolist() == [1, 2, 3, 0, 4]


def test_popularity_adds_weights_and_leaves_dislikes_out():
    rows = dataclasses.replace(
        ragged([[2, 1], [2, 1]], [[1.0, 3.0], [4.0, 5.0]]), weights=np.array([9.0, 1.0, 0.5, 2.0], np.float32)
    )
    assert popularity(rows, items=3).tolist() == [0, 3, 9.5]
    counts = popularity(rows, items=3, liked_from=3.0)
    assert counts.tolist() == [0, 3, 0.5]
    assert shares(counts).tolist() == pytest.approx([0, 6 / 7, 1 / 7])
    assert shares(np.zeros(2)).tolist() == [0, 0]


def test_damped_means_by_hand():
    # Mean 3. Item 0: (5 - 3) / (1 + 5) = 1/3; item 1: (1 - 3) / 6 = -1/3.
    # The user: ((5 - 3 - 1/3) + (1 - 3 + 1/3)) / (2 + 5) = 0.
    means = damped_means(ragged([[0, 1]], [[5.0, 1.0]]), items=3)
    assert means.mean == 3.0
    assert means.items.tolist() == pytest.approx([1 / 3, -1 / 3, 0])
    assert means.users.tolist() == pytest.approx([0])


def test_means_without_ratings_are_zero():
    empty = RaggedRows(row_splits=np.array([0, 0]), rows=np.zeros(0, np.int32))
    assert damped_means(empty, items=2).items.tolist() == [0, 0]


def test_the_list_of_users_holds_every_id_byte_for_byte_and_what_is_served_of_it(tmp_path):
    ids = np.empty(2, dtype=object)
    ids[:] = ["Zoë, the 1st".encode(), b"v"]
    rows = ragged([[0, 1, 2], []])
    nothing = ragged([[], []])
    write_users(
        KnownUsers(user_ids=ids, interactions=rows, liked=nothing, left_out=nothing), str(tmp_path / "users.parquet")
    )
    users = pq.read_table(tmp_path / "users.parquet")
    assert users["user_id"].to_pylist() == ["Zoë, the 1st".encode(), b"v"]
    assert users["interactions"].to_pylist() == [3, 0]
