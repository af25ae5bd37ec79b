"""What the bundle knows of users, and its baselines, by hand."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.bundle.baselines import damped_means, popular_order, popularity
from components.bundle.known import KnownUsers, known_users
from components.bundle.users_file import write_users
from components.examples import Interactions, RaggedRows, UserSequences
from tests.components.bundle.small_bundle import ragged, strings


def interactions(rows):
    users, movies, times = zip(*rows, strict=True) if rows else ((), (), ())
    return Interactions(
        user_ids=strings(list(users)),
        movie_rows=np.array(movies, np.int32),
        ratings=np.full(len(rows), 3.0, np.float32),
        timestamps=np.array(times, np.int64),
    )


def test_held_out_rows_follow_the_training_rows_of_their_user_in_order_of_time():
    sequences = UserSequences(user_ids=strings(["u", "v"]), movies=ragged([[0, 1], [2]]))
    # v's test rows come out of order, w has no training row, u's only held-out row is in eval.
    known = known_users(
        sequences, interactions([("u", 4, 50), ("w", 5, 60)]), interactions([("v", 7, 90), ("v", 6, 80)])
    )
    assert known.user_ids.tolist() == [b"u", b"v", b"w"]
    assert [known.interactions[i].tolist() for i in range(3)] == [[0, 1, 4], [2, 6, 7], [5]]
    assert known.before_test.tolist() == [3, 1, 1]


def test_after_a_refit_only_test_rows_follow():
    fitted = UserSequences(user_ids=strings(["u", "v"]), movies=ragged([[0, 4, 1], [2]]))
    known = known_users(fitted, interactions([("v", 6, 80), ("w", 5, 60)]))
    assert [known.interactions[i].tolist() for i in range(3)] == [[0, 4, 1], [2, 6], [5]]
    assert known.before_test.tolist() == [3, 1, 0]


def test_popularity_counts_training_rows_and_breaks_ties_by_row():
    counts = popularity(ragged([[2, 1], [2], [3, 1]]), movies=5)
    assert counts.tolist() == [0, 2, 2, 1, 0]
    assert popular_order(counts).tolist() == [1, 2, 3, 0, 4]


def test_damped_means_by_hand():
    # Mean 3. Movie 0: (5 - 3) / (1 + 5) = 1/3; movie 1: (1 - 3) / 6 = -1/3.
    # The user: ((5 - 3 - 1/3) + (1 - 3 + 1/3)) / (2 + 5) = 0.
    means = damped_means(ragged([[0, 1]], [[5.0, 1.0]]), movies=3)
    assert means.mean == 3.0
    assert means.movies.tolist() == pytest.approx([1 / 3, -1 / 3, 0])
    assert means.users.tolist() == pytest.approx([0])


def test_means_without_ratings_are_zero():
    empty = RaggedRows(row_splits=np.array([0, 0]), rows=np.zeros(0, np.int32))
    assert damped_means(empty, movies=2).movies.tolist() == [0, 0]


@pytest.mark.parametrize(("before_test", "interactions"), [(False, [3, 1]), (True, [2, 0])])
def test_the_list_of_users_holds_every_id_byte_for_byte_and_what_is_served_of_it(tmp_path, before_test, interactions):
    ids = np.empty(2, dtype=object)
    ids[:] = ["Zoë, the 1st".encode(), b"v"]
    known = KnownUsers(user_ids=ids, interactions=ragged([[0, 1, 2], [2]]), before_test=np.array([2, 0], np.int32))
    write_users(known, before_test, str(tmp_path / "users.parquet"))
    users = pq.read_table(tmp_path / "users.parquet")
    assert users["user_id"].to_pylist() == ["Zoë, the 1st".encode(), b"v"]
    assert users["interactions"].to_pylist() == interactions
