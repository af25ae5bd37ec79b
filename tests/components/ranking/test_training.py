"""The trainer's `run_fn`, from files to a SavedModel and a log."""

from __future__ import annotations

import json
import types

import numpy as np
import pytest
import tensorflow as tf

from components import features, progress
from components.errors import InputError
from components.ranking import training
from components.ranking.config import RankingConfig
from components.settings import to_json
from components.transform.graph import CatalogueFeatures, RaggedIndices, VocabularySizes
from tests.components.ranking.small_data import UserLookup

USERS, MOVIES = 12, 8
TASTE = np.random.default_rng(4).choice([-1.0, 1.0], [2, max(USERS, MOVIES)])


def stars(user, movie):
    return float(3 + TASTE[0, user] * TASTE[1, movie])


class StandInGraph:
    """The transform graph of this data without Beam: users in reverse order, movie 7 unknown, one genre each."""

    vocabulary_sizes = VocabularySizes(users=USERS, movies=MOVIES - 1, genres=2, title_words=1)

    def __init__(self, uri):
        assert uri == "transform"
        self.layer = UserLookup(USERS)

    def index_users(self, ids):
        return self.layer({"user_id": tf.constant(list(ids))})["user_index"].numpy()

    def catalogue_features(self, catalogue):
        count = len(catalogue)
        assert count == MOVIES
        genres = RaggedIndices(values=np.arange(count) % 2, row_splits=np.arange(count + 1))
        return CatalogueFeatures(
            movie_index=np.arange(count), year=np.full(count, 1999), genre_indices=genres, title_word_indices=genres
        )


def write(folder, examples):
    folder.mkdir()
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options) as writer:
        for example in examples:
            writer.write(tf.train.Example(features=tf.train.Features(feature=example)).SerializeToString())
    return str(folder / "*")


def text(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))


def floats(*values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def longs(*values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def fn_args(folder, config, users=USERS):
    trained = {user: [movie for movie in range(MOVIES - 1) if (user + movie) % 4] for user in range(users)}
    catalogue = [
        {features.MOVIE_ID: text(f"m{movie}"), features.MOVIE_TITLE: text("T (1999)"), features.MOVIE_GENRES: text("A")}
        for movie in range(MOVIES)
    ]
    sequences = [
        {
            features.USER_ID: text(f"u{user}"),
            features.SEQUENCE_MOVIE_IDS: text(*(f"m{movie}" for movie in movies)),
            features.SEQUENCE_RATINGS: floats(*(stars(user, movie) for movie in movies)),
            features.SEQUENCE_TIMESTAMPS: longs(*movies),
        }
        for user, movies in trained.items()
    ]
    held_out = [
        {
            features.USER_ID: text(f"u{user}"),
            features.MOVIE_ID: text(f"m{movie}"),
            features.RATING: floats(stars(user, movie)),
            features.TIMESTAMP: longs(100),
        }
        for user in range(USERS)
        for movie in range(MOVIES - 1)
        if (user + movie) % 4 == 0
    ]
    return types.SimpleNamespace(
        eval_files=[write(folder / "eval", held_out)],
        transform_output="transform",
        serving_model_dir=str(folder / "model" / "Format-Serving"),
        model_run_dir=str(folder / "run"),
        custom_config={
            "config": to_json(config),
            "movies": [write(folder / "movies", catalogue)],
            "sequences": [write(folder / "sequences", sequences)],
        },
    )


def test_files_become_a_model_a_log_and_progress_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "TransformGraph", StandInGraph)
    lines = []
    monkeypatch.setattr(progress, "report", lambda message, *arguments: lines.append(message % arguments))
    config = RankingConfig(
        embedding_dim=2, l2_ids=0.1, l2_history=0.1, epochs=60, patience=60, learning_rate=0.05, seeds=2
    )
    args = fn_args(tmp_path, config)
    training.run_fn(args)

    loaded = tf.saved_model.load(args.serving_model_dir)
    users, movies = [f"u{user}" for user in range(USERS)], np.tile(np.arange(MOVIES, dtype=np.int32), [USERS, 1])
    none = np.zeros([USERS, 0], np.int32)
    rated = loaded.signatures["predict"](
        user_id=tf.constant(users),
        history_rows=tf.constant(none),
        history_ratings=tf.constant(none, tf.float32),
        movie_rows=tf.constant(movies),
    )["predicted_rating"].numpy()
    assert rated.shape == (USERS, MOVIES)
    assert (rated >= 2).all() and (rated <= 4).all()  # the range of the training ratings
    truth = np.array([[stars(user, movie) for movie in range(MOVIES - 1)] for user in range(USERS)])
    assert np.corrcoef(rated[:, : MOVIES - 1].ravel(), truth.ravel())[0, 1] > 0.7

    log = json.loads((tmp_path / "run" / "training.json").read_text())
    assert log["metric"] == "eval_rmse"
    kept = min(log["epochs"], key=lambda epoch: epoch["eval_rmse"])
    assert log["best_epoch"] == kept["epoch"]
    assert {"epoch", "seconds", "rows_per_second", "loss", "eval_rmse", "eval_mae"} <= set(kept)
    assert sum("RMSE" in line and "rows/s" in line for line in lines) == len(log["epochs"]) == 20  # ten a model
    assert any("2 models averaged" in line for line in lines)


def test_no_training_ratings_is_the_persons_error(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "TransformGraph", StandInGraph)
    with pytest.raises(InputError, match="no training ratings"):
        training.run_fn(fn_args(tmp_path, RankingConfig(), users=0))
