"""Reading back what ingestion wrote, on files written here by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.examples import (
    AskedUsers,
    RaggedRows,
    read_catalogue,
    read_interactions,
    read_marked_rows,
    read_sequences,
)
from components.features import ALL_PARTS, EVAL_PART, NEW_USER_PART, TEST_PART, TRAIN_PART


def write(path, rows):
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for row in rows:
            writer.write(tf.train.Example(features=tf.train.Features(feature=row)).SerializeToString())
    return [str(path)]


def text(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))


def numbers(*values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def whole(*values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


IDS = np.array([b"a", "é".encode(), b"c c"], dtype=object)


def test_the_catalogue_keeps_its_order_and_every_byte(tmp_path):
    files = write(
        tmp_path / "items.gz",
        [
            {"item_id": text("é"), "item_title": text("Amélie (2001)"), "item_genres": text("Comedy", "Romance")},
            {"item_id": text("c c"), "item_title": text("c c"), "item_genres": text()},
        ],
    )
    catalogue = read_catalogue(files)
    assert catalogue.item_ids.tolist() == ["é".encode(), b"c c"]
    assert catalogue.titles.tolist() == ["Amélie (2001)".encode(), b"c c"]
    assert catalogue.genres == [[b"Comedy", b"Romance"], []]


def sequence(user, items, ratings, times, parts, weights=None):
    row = {
        "user_id": text(user),
        "sequence_item_ids": text(*items),
        "sequence_ratings": numbers(*ratings),
        "sequence_timestamps": whole(*times),
        "sequence_parts": tf.train.Feature(bytes_list=tf.train.BytesList(value=[bytes(parts)])),
    }
    return row if weights is None else {**row, "sequence_weights": numbers(*weights)}


@pytest.fixture
def sequences(tmp_path):
    return write(
        tmp_path / "sequences.gz",
        [
            sequence("u", ["c c", "a", "é"], [4.5, 1.0, 2.0], [10, 20, 30], [TRAIN_PART, EVAL_PART, TEST_PART]),
            sequence("v", ["é"], [3.0], [5], [TEST_PART]),
            sequence("w", ["a", "a"], [2.0, 5.0], [7, 8], [NEW_USER_PART, TRAIN_PART]),
        ],
    )


def test_sequences_become_catalogue_rows(sequences):
    found = read_sequences(sequences, IDS, ALL_PARTS)
    assert found.user_ids.tolist() == [b"u", b"v", b"w"]
    assert [found.items[i].tolist() for i in range(3)] == [[2, 0, 1], [1], [0, 0]]
    assert found.items.ratings.tolist() == [4.5, 1.0, 2.0, 3.0, 2.0, 5.0]
    assert found.items.timestamps.tolist() == [10, 20, 30, 5, 7, 8]
    assert found.parts.tolist() == [0, 1, 2, 2, 3, 0]
    assert len(found.items.weights) == 0
    assert found.items.row_weights().tolist() == [1] * 6


@pytest.mark.parametrize(
    ("parts", "users", "items"),
    [
        ((TRAIN_PART,), [b"u", b"w"], [[2], [0]]),
        ((TRAIN_PART, EVAL_PART), [b"u", b"w"], [[2, 0], [0]]),
        ((TEST_PART,), [b"u", b"v"], [[1], [1]]),
        ((NEW_USER_PART,), [b"w"], [[0]]),
        ((), [], []),
    ],
)
def test_nobody_sees_rows_of_parts_that_were_not_asked_for(sequences, parts, users, items):
    found = read_sequences(sequences, IDS, parts)
    assert found.user_ids.tolist() == users
    assert [found.items[i].tolist() for i in range(len(users))] == items
    assert set(found.parts) <= set(parts)
    assert len(found.items.ratings) == len(found.items.timestamps) == len(found.items.rows) == len(found.parts)


def test_weights_come_with_their_rows(tmp_path):
    rows = [sequence("u", ["a", "é"], [1.0, 1.0], [1, 2], [TEST_PART, TRAIN_PART], weights=[3.0, 0.5])]
    files = write(tmp_path / "weighted.gz", rows)
    assert read_sequences(files, IDS, [TRAIN_PART]).items.row_weights().tolist() == [0.5]
    assert read_sequences(files, IDS, ALL_PARTS).items.weights.tolist() == [3.0, 0.5]


LISTS = RaggedRows(
    row_splits=np.array([0, 2, 2, 5]),
    rows=np.array([7, 8, 9, 7, 6], np.int32),
    ratings=np.array([1, 2, 3, 4, 5], np.float32),
    timestamps=np.array([10, 20, 30, 40, 50]),
    weights=np.array([1, 1, 2, 2, 3], np.float32),
)


def test_rows_of_lists_know_their_owners_and_may_be_left_out():
    assert LISTS.owners.tolist() == [0, 0, 2, 2, 2]
    kept = LISTS.where(np.array([False, True, True, False, True]))
    assert [kept[i].tolist() for i in range(3)] == [[8], [], [9, 6]]
    assert (kept.ratings.tolist(), kept.timestamps.tolist()) == ([2, 3, 5], [20, 30, 50])
    assert kept.weights.tolist() == [1, 2, 3]


def test_lists_are_taken_in_any_order_and_minus_one_is_an_empty_one():
    taken = LISTS.of(np.array([2, -1, 0, 2, 1]))
    assert [taken[i].tolist() for i in range(5)] == [[9, 7, 6], [], [7, 8], [9, 7, 6], []]
    nothing = RaggedRows(row_splits=np.zeros(1, np.int64), rows=np.zeros(0, np.int32))
    assert nothing.of(np.array([], np.int64)).row_splits.tolist() == [0]


def test_of_users_without_any_list_everybody_has_an_empty_one():
    nothing = RaggedRows(row_splits=np.zeros(1, np.int64), rows=np.zeros(0, np.int32))
    taken = nothing.of(np.array([-1, -1]))
    assert [taken[i].tolist() for i in range(2)] == [[], []]


def test_users_who_only_disliked_are_left_out_with_their_dislikes(sequences):
    everything = read_sequences(sequences, IDS, ALL_PARTS)
    liked = everything.liked(4.0)
    assert liked.user_ids.tolist() == [b"u", b"w"]
    assert [liked.items[i].tolist() for i in range(2)] == [[2], [0]]
    assert liked.parts.tolist() == [TRAIN_PART, TRAIN_PART]
    assert everything.liked(None) is everything


def test_only_marked_rows_are_read_as_such(tmp_path):
    files = write(
        tmp_path / "eval.gz",
        [
            {"user_id": text("u"), "seen_item_ids": text("a"), "held_out_item_ids": text("é", "c c")},
            {"user_id": text("u")},
            {"user_id": text("v"), "held_out_item_ids": text("a")},
        ],
    )
    marked = read_marked_rows(files, IDS)
    assert marked.user_ids.tolist() == [b"u", b"v"]
    assert [marked.seen[i].tolist() for i in range(2)] == [[0], []]
    assert [marked.held_out[i].tolist() for i in range(2)] == [[1, 2], [0]]


def test_interactions_of_an_unknown_item_have_row_minus_one(tmp_path):
    row = {"user_id": text("u"), "rating": numbers(2.0), "timestamp": whole(7)}
    files = write(tmp_path / "rows.gz", [{**row, "item_id": text("é")}, {**row, "item_id": text("no such")}])
    rows = read_interactions(files, IDS)
    assert rows.item_rows.tolist() == [1, -1]
    assert (rows.ratings.tolist(), rows.timestamps.tolist()) == ([2.0, 2.0], [7, 7])


def test_files_without_rows_give_empty_arrays(tmp_path):
    files = write(tmp_path / "empty.gz", [])
    assert len(read_interactions(files, IDS).item_rows) == 0
    assert len(read_marked_rows(files, IDS).user_ids) == 0
    assert len(read_sequences(files, IDS, ALL_PARTS).user_ids) == 0


def test_some_of_the_asked_users_are_evenly_spread_and_keep_what_is_theirs():
    def lists(*ones):
        return RaggedRows(
            row_splits=np.cumsum([0, *map(len, ones)]).astype(np.int64),
            rows=np.array([row for one in ones for row in one], np.int32),
        )

    asked = AskedUsers(
        histories=lists([1], [2, 3], [], [4]),
        left_out=lists([1], [2], [5], []),
        held_out=lists([6], [7], [8], [9]),
        user_ids=np.array([b"a", b"b", b"c", b"d"], object),
    )
    half = asked.evenly(2)
    assert half.user_ids.tolist() == [b"a", b"c"]
    assert [one.tolist() for one in (half.histories[0], half.histories[1])] == [[1], []]
    assert [half.held_out[user].tolist() for user in range(2)] == [[6], [8]]
    assert half.left_out[1].tolist() == [5]
    assert len(asked.evenly(10)) == 4
