"""The trainer's `run_fn`, from files to a SavedModel and a log."""

from __future__ import annotations

import json
import types

import numpy as np
import pytest
import tensorflow as tf

from components import features, progress
from components.errors import InputError
from components.feature_specs import specs_to_json
from components.ranking import training
from components.ranking.config import RankingConfig
from components.ranking.known_ratings import RatingRows
from components.settings import to_json
from components.transform.graph import column
from tests.components.ranking.small_data import UserLookup
from tests.components.training.event_files import scalars
from tests.components.transform.small_content import SPECS, SmallGraph, standard_features

USERS, ITEMS = 12, 8
TASTE = np.random.default_rng(4).choice([-1.0, 1.0], [2, max(USERS, ITEMS)])


def stars(user, item):
    return float(3 + TASTE[0, user] * TASTE[1, item])


class StandInGraph(SmallGraph):
    """The transform graph of this data without Beam: users in reverse order, item 7 unknown, one genre each."""

    def __init__(self, uri, specs):
        super().__init__(users=USERS, items=ITEMS - 1, genres=2)
        assert (uri, specs) == ("transform", SPECS)
        self.layer = UserLookup(USERS)

    def vocabulary(self, name):
        sizes = {"user_id": USERS, "item_id": ITEMS - 1, "item_genres": 2}
        return [b"%s %d" % (name.encode(), place) for place in range(sizes[name])]

    def index_users(self, ids):
        return self.layer({"user_id": column(tf.constant(list(ids), tf.string))})["user_index"].values.numpy()

    def catalogue_features(self, catalogue):
        count = len(catalogue)
        assert count == ITEMS
        return standard_features(range(count), genres=[[row % 2] for row in range(count)], eras=[20] * count)


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


def sequence(user):
    """Every item of the user in order: every fourth (user + item) is of eval, and the last one of test."""
    items = range(ITEMS)
    parts = [features.EVAL_PART if (user + item) % 4 == 0 else features.TRAIN_PART for item in items[:-1]]
    return {
        features.USER_ID: text(f"u{user}"),
        features.SEQUENCE_ITEM_IDS: text(*(f"m{item}" for item in items)),
        features.SEQUENCE_RATINGS: floats(*(stars(user, item) for item in items)),
        features.SEQUENCE_TIMESTAMPS: longs(*items),
        features.SEQUENCE_PARTS: tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[bytes([*parts, features.TEST_PART])])
        ),
    }


def fn_args(folder, config, users=USERS):
    catalogue = [
        {features.ITEM_ID: text(f"m{item}"), features.ITEM_TITLE: text("T (1999)"), features.ITEM_GENRES: text("A")}
        for item in range(ITEMS)
    ]
    sequences = [sequence(user) for user in range(users)]
    held_out = [
        {
            features.USER_ID: text(f"u{user}"),
            features.ITEM_ID: text(f"m{item}"),
            features.RATING: floats(stars(user, item)),
            features.TIMESTAMP: longs(100),
        }
        for user in range(USERS)
        for item in range(ITEMS - 1)
        if (user + item) % 4 == 0
    ]
    return types.SimpleNamespace(
        eval_files=[write(folder / "eval", held_out)],
        transform_output="transform",
        serving_model_dir=str(folder / "model" / "Format-Serving"),
        model_run_dir=str(folder / "run"),
        custom_config={
            "config": to_json(config),
            "features": specs_to_json(SPECS),
            "items": [write(folder / "items", catalogue)],
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
    users, items = [f"u{user}" for user in range(USERS)], np.tile(np.arange(ITEMS, dtype=np.int32), [USERS, 1])
    none = np.zeros([USERS, 0], np.int32)
    rated = loaded.signatures["predict"](
        user_id=tf.constant(users),
        history_rows=tf.constant(none),
        history_ratings=tf.constant(none, tf.float32),
        user_positions=tf.constant(none),
        user_weights=tf.constant(none, tf.float32),
        item_rows=tf.constant(items),
    )["predicted_rating"].numpy()
    assert rated.shape == (USERS, ITEMS)
    assert (rated >= 2).all() and (rated <= 4).all()  # the range of the training ratings
    truth = np.array([[stars(user, item) for item in range(ITEMS - 1)] for user in range(USERS)])
    assert np.corrcoef(rated[:, : ITEMS - 1].ravel(), truth.ravel())[0, 1] > 0.7

    log = json.loads((tmp_path / "run" / "training.json").read_text())
    assert log["metric"] == "eval_rmse"
    kept = min(log["epochs"], key=lambda epoch: epoch["eval_rmse"])
    assert log["best_epoch"] == kept["epoch"]
    assert log["chosen_epochs"] == [  # what a final fit trains each of the models for
        min((e for e in log["epochs"] if e["model"] == model), key=lambda epoch: epoch["eval_rmse"])["epoch"]
        for model in (1, 2)
    ]
    assert {"epoch", "seconds", "rows_per_second", "loss", "eval_rmse", "eval_mae"} <= set(kept)
    assert sum("RMSE" in line and "rows/s" in line for line in lines) == 20  # ten a model
    assert sum(entry["model"] == 2 for entry in log["epochs"]) == 60
    assert any("2 models averaged" in line for line in lines)

    epochs = log["epochs"]
    assert [(entry["model"], entry["epoch"]) for entry in epochs] == [
        (model, epoch) for model in (1, 2) for epoch in range(1, 61)
    ]
    assert all(entry["learning_rate"] == pytest.approx(0.05) for entry in epochs)
    second = scalars(tmp_path / "run" / "logs" / "first" / f"seed-{config.seed + 1}")
    assert second["train/loss"] == [(e["epoch"], pytest.approx(e["loss"])) for e in epochs[60:]]
    assert second["eval/RMSE"] == [(e["epoch"], pytest.approx(e["eval_rmse"])) for e in epochs[60:]]
    assert len(second["eval/MAE"]) == len(second["train/learning_rate"]) == 60


def test_a_refit_learns_from_train_and_eval_for_the_epochs_that_eval_chose(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "TransformGraph", StandInGraph)
    learned = []
    lay_out = training.lay_out
    monkeypatch.setattr(training, "lay_out", lambda *given: learned.append(lay_out(*given)) or learned[-1])
    config = RankingConfig(embedding_dim=2, epochs=20, patience=20, learning_rate=0.05, seeds=2, l2_ids=0.1)
    args = fn_args(tmp_path, config)
    args.custom_config["refit"] = True
    training.run_fn(args)
    # 12 users times 7 items, of which every fourth (user + item) is held out: 84 rows, 63 of them for training.
    assert [len(known.rows) for _, known in learned] == [63, 84]
    log = json.loads((tmp_path / "run" / "training.json").read_text())
    best = [
        min((e for e in log["epochs"] if e["model"] == model and "eval_rmse" in e), key=lambda e: e["eval_rmse"])
        for model in (1, 2)
    ]
    assert log["refit_epochs"] == [entry["epoch"] for entry in best]
    again = [entry for entry in log["epochs"] if entry.get("refit")]
    assert [max(e["epoch"] for e in again if e["model"] == model) for model in (1, 2)] == log["refit_epochs"]
    assert not any("eval_rmse" in entry for entry in again)
    assert [sum(entry["model"] == model for entry in again) for model in (1, 2)] == log["refit_epochs"]
    assert set(scalars(tmp_path / "run" / "logs" / "refit" / f"seed-{config.seed}")) == {
        "train/loss",
        "train/learning_rate",
    }
    assert log["train_metrics"]["train_rmse"] == pytest.approx(np.sqrt(log["train_metrics"]["train_mse"]))
    assert tf.saved_model.load(args.serving_model_dir).signatures["predict"]


def test_the_final_fit_learns_from_every_row_for_the_epochs_that_were_chosen_and_looks_at_none(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "TransformGraph", StandInGraph)
    learned = []
    lay_out = training.lay_out
    monkeypatch.setattr(training, "lay_out", lambda *given: learned.append(lay_out(*given)) or learned[-1])
    predicted = []
    predict = training.predict
    monkeypatch.setattr(training, "predict", lambda *given: predicted.append(given[2]) or predict(*given))
    monkeypatch.setattr(training, "JUDGED_ROWS", 40)
    config = RankingConfig(embedding_dim=2, epochs=20, learning_rate=0.05, seeds=2)
    args = fn_args(tmp_path, config)
    args.eval_files = []
    args.custom_config |= {"final_epochs": [2, 3], "refit": True}
    training.run_fn(args)
    ((_, known),) = learned
    assert len(known.rows) == USERS * ITEMS  # 63 of train, 21 of eval, 12 of test
    (judged,) = predicted  # on what it learned from: 40 of the 96 rows, from the first to one of the last
    np.testing.assert_array_equal(judged.ratings, known.rows.ratings[np.arange(40) * 96 // 40])
    log = json.loads((tmp_path / "run" / "training.json").read_text())
    assert log["chosen_epochs"] == [2, 3]
    assert [(entry["model"], entry["epoch"]) for entry in log["epochs"]] == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    assert not any("eval_rmse" in entry for entry in log["epochs"])
    assert tf.saved_model.load(args.serving_model_dir).signatures["predict"]


def test_rows_of_strangers_do_not_stop_a_training_unless_there_are_no_others():
    rows = RatingRows(
        user_rows=np.array([0, 2, 1, 2], np.int32),  # 2 stands for everybody outside of training
        item_rows=np.arange(4, dtype=np.int32),
        ratings=np.ones(4, np.float32),
        in_history=np.zeros(4, bool),
        in_raters=np.zeros(4, bool),
    )
    users = np.array([b"u", b"v"], object)
    assert training.of_known_users(rows, users).item_rows.tolist() == [0, 2]
    strangers = rows.take(np.array([1, 3]))
    assert training.of_known_users(strangers, users).item_rows.tolist() == [1, 3]


def test_no_training_ratings_is_the_persons_error(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "TransformGraph", StandInGraph)
    with pytest.raises(InputError, match="no training ratings"):
        training.run_fn(fn_args(tmp_path, RankingConfig(), users=0))
