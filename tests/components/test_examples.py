"""Reading back what ingestion wrote, on files written here by hand."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.examples import read_catalogue, read_interactions, read_marked_rows, read_sequences


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
        tmp_path / "movies.gz",
        [
            {"movie_id": text("é"), "movie_title": text("Amélie (2001)"), "movie_genres": text("Comedy", "Romance")},
            {"movie_id": text("c c"), "movie_title": text("c c"), "movie_genres": text()},
        ],
    )
    catalogue = read_catalogue(files)
    assert catalogue.movie_ids.tolist() == ["é".encode(), b"c c"]
    assert catalogue.titles.tolist() == ["Amélie (2001)".encode(), b"c c"]
    assert catalogue.genres == [[b"Comedy", b"Romance"], []]


def test_sequences_become_catalogue_rows(tmp_path):
    files = write(
        tmp_path / "sequences.gz",
        [
            {
                "user_id": text("u"),
                "sequence_movie_ids": text("c c", "a"),
                "sequence_ratings": numbers(4.5, 1.0),
                "sequence_timestamps": whole(10, 20),
            },
            {
                "user_id": text("v"),
                "sequence_movie_ids": text("é"),
                "sequence_ratings": numbers(3.0),
                "sequence_timestamps": whole(5),
            },
        ],
    )
    sequences = read_sequences(files, IDS)
    assert sequences.user_ids.tolist() == [b"u", b"v"]
    assert [sequences.movies[i].tolist() for i in range(2)] == [[2, 0], [1]]
    assert sequences.movies.ratings.tolist() == [4.5, 1.0, 3.0]
    assert sequences.movies.timestamps.tolist() == [10, 20, 5]


def test_only_marked_rows_are_read_as_such(tmp_path):
    files = write(
        tmp_path / "eval.gz",
        [
            {"user_id": text("u"), "seen_movie_ids": text("a"), "held_out_movie_ids": text("é", "c c")},
            {"user_id": text("u")},
            {"user_id": text("v"), "held_out_movie_ids": text("a")},
        ],
    )
    marked = read_marked_rows(files, IDS)
    assert marked.user_ids.tolist() == [b"u", b"v"]
    assert [marked.seen[i].tolist() for i in range(2)] == [[0], []]
    assert [marked.held_out[i].tolist() for i in range(2)] == [[1, 2], [0]]


def test_interactions_of_an_unknown_movie_have_row_minus_one(tmp_path):
    row = {"user_id": text("u"), "rating": numbers(2.0), "timestamp": whole(7)}
    files = write(tmp_path / "rows.gz", [{**row, "movie_id": text("é")}, {**row, "movie_id": text("no such")}])
    rows = read_interactions(files, IDS)
    assert rows.movie_rows.tolist() == [1, -1]
    assert (rows.ratings.tolist(), rows.timestamps.tolist()) == ([2.0, 2.0], [7, 7])


def test_files_without_rows_give_empty_arrays(tmp_path):
    files = write(tmp_path / "empty.gz", [])
    assert len(read_interactions(files, IDS).movie_rows) == 0
    assert len(read_marked_rows(files, IDS).user_ids) == 0
