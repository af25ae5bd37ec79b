"""Histories and raters: training rows only, cut to the most recent, and who is in which."""

from __future__ import annotations

import numpy as np

from components.examples import Interactions
from components.ragged import Lists
from components.ranking.batches import cut_batch
from components.ranking.known_ratings import held_out_rows, known_ratings
from tests.components.ranking.small_data import item_features, sequences_of

# user: (item, stars, seconds), oldest first
ROWS = {
    0: [(2, 5.0, 10), (0, 3.0, 20), (1, 4.0, 40)],
    1: [(0, 1.0, 5), (2, 2.0, 30)],
    2: [(0, 2.5, 50)],
}
USER_INDEX = np.array([7, 8, 9], np.int32)


def known(history_length=200, raters=200):
    return known_ratings(
        sequences_of(ROWS),
        USER_INDEX,
        item_features(4, 3),
        known_users=10,
        history_length=history_length,
        raters=raters,
    )


def test_histories_hold_item_indices_oldest_first_and_nobody_has_none():
    # item_features gives catalogue row r the index 2 - r
    assert [known().histories[user].tolist() for user in range(4)] == [[0, 2, 1], [2, 0], [2], []]


def test_raters_hold_user_indices_oldest_first_and_an_unrated_item_has_none():
    assert [known().raters[row].tolist() for row in range(4)] == [[8, 7, 9], [7], [7, 8], []]


def test_a_history_keeps_its_latest_rows_and_says_which_training_rows_are_in_it():
    cut = known(history_length=2)
    assert [cut.histories[user].tolist() for user in range(4)] == [[2, 1], [2, 0], [2], []]
    assert cut.rows.in_history.tolist() == [False, True, True, True, True, True]


def test_raters_keep_the_latest_and_say_which_training_rows_are_in_them():
    cut = known(raters=1)
    assert [cut.raters[row].tolist() for row in range(4)] == [[9], [7], [8], []]
    assert cut.rows.in_raters.tolist() == [False, False, True, False, True, True]


def test_the_user_row_behind_the_last_is_unknown():
    assert known().user_index.tolist() == [7, 8, 9, 10]


def test_held_out_rows_take_unknown_users_and_leave_items_outside_the_catalogue():
    users = np.empty(3, object)
    users[:] = [b"u2", b"stranger", b"u0"]
    rows = held_out_rows(
        Interactions(
            user_ids=users,
            item_rows=np.array([1, 2, -1], np.int32),
            ratings=np.array([1, 2, 3], np.float32),
            timestamps=np.zeros(3, np.int64),
        ),
        sequences_of(ROWS).user_ids,
    )
    assert rows.user_rows.tolist() == [2, 3]
    assert rows.item_rows.tolist() == [1, 2]
    assert rows.ratings.tolist() == [1, 2]
    assert not rows.in_history.any() and not rows.in_raters.any()


def test_select_takes_lists_in_the_order_asked_for():
    lists = Lists(row_splits=np.array([0, 2, 2, 5]), values=np.array([10, 11, 12, 13, 14], np.int32))
    values, owners = lists.select(np.array([2, 1, 0]))
    assert values.tolist() == [12, 13, 14, 10, 11]
    assert owners.tolist() == [0, 0, 0, 2, 2]


def test_a_batch_pools_each_user_and_item_once():
    everything = known()
    batch = cut_batch(everything, everything.rows, np.array([0, 1, 3]))  # (u0, m2), (u0, m0), (u1, m0)
    assert batch.users.numpy().tolist() == [7, 8]
    assert batch.history.numpy().tolist() == [0, 2, 1, 2, 0]
    assert batch.history_count.numpy().tolist() == [3, 2]
    assert batch.items.numpy().tolist() == [0, 2]
    assert batch.user_position.numpy().tolist() == [0, 0, 1]
    assert batch.item_position.numpy().tolist() == [1, 0, 0]
    assert batch.ratings.numpy().tolist() == [5, 3, 1]
