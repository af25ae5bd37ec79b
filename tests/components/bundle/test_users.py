"""What is stored of users, looked up for a batch, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.bundle.depth import margins
from components.bundle.known import KnownUsers
from components.bundle.sorted_lists import END, contains, sorted_lists
from components.bundle.users import UserTable, encoded, last_interactions
from components.index.export import SearchModule
from components.index.search import ExactIndex
from tests.components.bundle.small_bundle import Retrieval, ragged, strings

LISTS = ragged([[4, 0, 2], [3], []], [[1.0, 2.0, 3.0], [4.0], []])
# Bo's only rating is a dislike; of Ann's items 4 was had so long ago that a list may hold it again.
KNOWN = KnownUsers(
    user_ids=strings(["Ann", "Bo", "Cy"]),
    interactions=LISTS,
    liked=ragged([[4, 0, 2], [], []]),
    left_out=ragged([[2, 0], [3], []]),
)
QUERIES = np.arange(8, dtype=np.float32).reshape(4, 2)


@pytest.fixture(scope="module")
def users():
    return UserTable(KNOWN, QUERIES, None)


def test_whoever_is_not_known_is_the_user_behind_the_last_one(users):
    found = users.lookup(tf.constant(["Bo", "", "no one", "Ann", b"\xff\xfe"]))
    assert found.numpy().tolist() == [1, 3, 3, 0, 3]
    assert users.lengths(found).numpy().tolist() == [1, 0, 0, 3, 0]
    assert users.queries(found).numpy().tolist() == [[2, 3], [6, 7], [6, 7], [0, 1], [6, 7]]


def test_whoever_disliked_everything_has_interactions_and_liked_nothing(users):
    everybody = tf.constant([0, 1, 2, 3])
    assert users.lengths(everybody).numpy().tolist() == [3, 1, 0, 0]
    assert users.liked(everybody).numpy().tolist() == [True, False, False, False]


def test_interactions_are_padded_in_front_and_cut_to_the_last_ones(users):
    everybody = tf.constant([0, 1, 2, 3])
    rows, ratings = users.interactions(everybody)
    assert rows.numpy().tolist() == [[4, 0, 2], [-1, -1, 3], [-1, -1, -1], [-1, -1, -1]]
    assert ratings.numpy().tolist() == [[1, 2, 3], [0, 0, 4], [0, 0, 0], [0, 0, 0]]
    assert users.interactions(everybody, 2)[0].numpy().tolist() == [[0, 2], [-1, 3], [-1, -1], [-1, -1]]
    assert users.interactions(tf.constant([2, 3]))[0].shape == (2, 0)
    assert users.interactions(tf.constant([], tf.int32))[0].shape == (0, 0)


def test_offline_histories_are_those_of_the_graph(users):
    for most in (1, 2, 9):
        for offline, online in zip(
            last_interactions(LISTS, np.arange(4), most), users.interactions(tf.range(4), most), strict=True
        ):
            np.testing.assert_array_equal(offline, online)


def test_what_a_list_leaves_out_is_sorted_and_found_again(users):
    seen = users.seen(tf.constant([0, 3, 1]))
    assert seen.numpy().tolist() == [[0, 2, END], [END] * 3, [3, END, END]]
    found = contains(seen, tf.constant([[0, 1, 2, 4]] * 3))
    assert found.numpy().tolist() == [[True, False, True, False], [False] * 4, [False] * 4]
    assert users.seen(tf.constant([], tf.int32)).shape == (0, 1)
    assert sorted_lists(tf.constant([[-1, 5, 2]])).numpy().tolist() == [[2, 5, END, END]]


def test_stored_queries_are_the_retrieval_models_of_what_was_liked():
    vectors = np.arange(10.0).reshape(5, 2)
    queries, none = encoded(Retrieval(vectors), None, KNOWN)
    # The test's retrieval model reads the last item; the last dimension meets the bias. Nobody is the last row.
    np.testing.assert_allclose(queries, [[4, 5, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]], atol=1e-4)
    assert none is None


class RatedHistories:
    """A rating model whose user vector is the ratings of the history, as far as they fit in."""

    history_length = 2

    def encode_users(self, user_id, history_rows, history_ratings, user_positions, user_weights):
        padded = tf.pad(history_ratings, [[0, 0], [2, 0]])
        return padded[:, -2:]


def test_stored_vectors_are_the_rating_models_of_all_ratings_dislikes_too():
    _, vectors = encoded(Retrieval(np.eye(5)), RatedHistories(), KNOWN)
    assert vectors.tolist() == [[2, 3], [0, 4], [0, 0], [0, 0]]


def test_margins_are_what_users_have_seen_of_the_top_of_their_ranking():
    # Item i scores i, so that the ranking is 9, 8, …, 0; both users have seen items 9 and 7.
    candidates = np.arange(10, dtype=np.float32)[:, None]
    index = SearchModule(ExactIndex(candidates), candidates)
    seen = ragged([[9, 7], [7, 9], []])
    # The first unseen is 8 in place 2, the second 6 in place 4, the third 5 in place 5, …
    assert margins(index, 10, np.ones([3, 1], np.float32), seen, 3).tolist() == [0, 1, 2, 2]
    assert margins(index, 10, np.ones([1, 1], np.float32), ragged([[]]), 3).tolist() == [0, 0, 0, 0]
