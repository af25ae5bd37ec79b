"""The best peer on eval, by hand."""

from __future__ import annotations

import numpy as np

from components.baselines.config import PeersConfig
from components.baselines.peers import (
    FAR_TRANSITIONS,
    ITEM_KNN,
    NEAR_TRANSITIONS,
    PEERS,
    REPEATS,
    best_peer,
    candidates,
)
from components.examples import AskedUsers, UserSequences
from components.features import TRAIN_PART
from tests.components.baselines.test_item_knn import ragged

# Whoever has 0 has 1 too, whoever has 2 has 3 too. x had 2 twice and 0 once, y had 0 alone.
ROWS = ragged([0, 1], [0, 1], [2, 3], [2, 3], [2, 2, 0], [0])
SEQUENCES = UserSequences(
    user_ids=np.array([b"a", b"b", b"c", b"d", b"x", b"y"], object),
    items=ROWS,
    parts=np.full(len(ROWS.rows), TRAIN_PART, np.int8),
)
POPULARITY = np.array([4.0, 2.0, 4.0, 2.0])
HISTORIES = ragged([2, 2, 0], [0])
NOTHING = ragged([], [])


def named(peers):
    return [peer.name for peer in peers]


def best(held_out, left_out=NOTHING, names=(ITEM_KNN, REPEATS)):
    asked = AskedUsers(histories=HISTORIES, left_out=left_out, held_out=held_out)
    peers = [peer for name in names for peer in PEERS if peer.name == name]
    peer, recalls = best_peer(peers, SEQUENCES, 4, POPULARITY, asked, 1, PeersConfig())
    return peer.name, recalls


def test_where_people_come_back_for_the_same_repeat_counts_are_the_peer():
    name, recalls = best(ragged([2], [0]))  # what x and y had most
    assert name == REPEATS
    assert recalls[REPEATS] == 1.0
    # Item-kNN: x's 0 leads to 1 and x's 2 to 3, y's 0 to 1; nobody is led to what they had.
    assert recalls[ITEM_KNN] == 0.0


def test_where_people_go_on_item_knn_is_the_peer_and_users_without_a_question_do_not_count():
    name, recalls = best(ragged([], [1]))
    assert (name, recalls) == (ITEM_KNN, {ITEM_KNN: 1.0, REPEATS: 0.0})
    assert best(NOTHING)[1] == {ITEM_KNN: 0.0, REPEATS: 0.0}


def test_recall_is_a_share_of_what_is_asked_for_and_of_equals_the_first_is_taken():
    name, recalls = best(ragged([2, 3], []))  # each peer finds one of the two
    assert recalls == {ITEM_KNN: 1 / 2, REPEATS: 1 / 2}
    assert name == ITEM_KNN
    assert best(ragged([2, 3], []), names=[REPEATS, ITEM_KNN])[0] == REPEATS


def test_repeat_counts_stand_for_election_only_where_a_list_may_repeat():
    assert named(candidates(ordered=False, repeats=False)) == [ITEM_KNN]
    assert named(candidates(ordered=False, repeats=True)) == [ITEM_KNN, REPEATS]


def test_transitions_stand_for_election_where_rows_have_times_and_win_where_order_decides():
    peers = candidates(ordered=True, repeats=False)
    assert named(peers) == [ITEM_KNN, NEAR_TRANSITIONS, FAR_TRANSITIONS]
    # 2 comes before 0 and 3 after it, each twice with 0: item-kNN takes the lower row, whoever it is that follows.
    rows = ragged([2, 0, 3], [2, 0, 3])
    sequences = UserSequences(user_ids=np.array([b"a", b"b"], object), items=rows, parts=np.zeros(6, np.int8))
    asked = AskedUsers(histories=ragged([0]), left_out=ragged([0]), held_out=ragged([3]))
    peer, recalls = best_peer(peers, sequences, 4, np.array([2.0, 0, 2, 2]), asked, 1, PeersConfig())
    assert recalls == {ITEM_KNN: 0.0, NEAR_TRANSITIONS: 1.0, FAR_TRANSITIONS: 1.0}
    assert peer.name == NEAR_TRANSITIONS
