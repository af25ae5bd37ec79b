import json
import math

import pytest

from components.training.epoch_history import EpochHistory
from components.training.training_log import TrainingLog
from tests.components.training.event_files import scalars


def test_every_training_has_its_run_for_tensorboard_and_every_epoch_its_entry(tmp_path):
    history = EpochHistory(str(tmp_path), "NDCG@100", seed=7)
    log = TrainingLog("NDCG@100", epochs=3, higher_is_better=True, models=2, history=history)
    log.epoch(1, seconds=1, rows=10, loss=4.0, learning_rate=0.1)
    log.epoch(2, seconds=1, rows=10, loss=3.0, metrics={"NDCG@100": 0.25}, learning_rate=0.1)
    log.epoch(1, seconds=1, rows=10, loss=5.0, metrics={"NDCG@100": 0.5}, model=2, learning_rate=0.1)
    log.begin_refit()
    log.epoch(1, seconds=1, rows=10, loss=2.0, model=2, learning_rate=0.05)
    history.write()

    assert sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("events.*")) == [
        "logs/first/seed-7",
        "logs/first/seed-8",
        "logs/refit/seed-8",
    ]
    rate, late = pytest.approx(0.1), pytest.approx(0.05)
    assert scalars(tmp_path / "logs/first/seed-7") == {
        "train/loss": [(1, 4.0), (2, 3.0)],
        "train/learning_rate": [(1, rate), (2, rate)],
        "eval/NDCG@100": [(2, 0.25)],
    }
    assert scalars(tmp_path / "logs/refit/seed-8") == {"train/loss": [(1, 2.0)], "train/learning_rate": [(1, late)]}
    keys = ("phase", "seed", "epoch", "loss", "metric", "learning_rate")
    assert json.loads((tmp_path / "history.json").read_text()) == [
        dict(zip(keys, entry, strict=True))
        for entry in (
            ("first", 7, 1, 4.0, None, 0.1),
            ("first", 7, 2, 3.0, 0.25, 0.1),
            ("first", 8, 1, 5.0, 0.5, 0.1),
            ("refit", 8, 1, 2.0, None, 0.05),
        )
    ]


def test_events_can_be_watched_before_the_training_ends(tmp_path):
    import time

    history = EpochHistory(str(tmp_path), "RMSE", seed=1)
    history.add(1, loss=1.0, learning_rate=0.1, metrics={"RMSE": 0.9})
    deadline = time.monotonic() + 60  # the writer's own thread flushes
    while not scalars(tmp_path / "logs/first/seed-1") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert scalars(tmp_path / "logs/first/seed-1")["train/loss"] == [(1, 1.0)]
    assert not (tmp_path / "history.json").exists()
    history.write()


def test_a_training_that_diverged_is_still_valid_json(tmp_path):
    history = EpochHistory(str(tmp_path), "RMSE", seed=1)
    history.add(1, loss=math.inf, learning_rate=0.1, metrics={"RMSE": math.nan})
    history.write()
    (entry,) = json.loads((tmp_path / "history.json").read_text())
    assert (entry["loss"], entry["metric"]) == (None, None)


def test_a_training_without_epochs_has_an_empty_history(tmp_path):
    EpochHistory(str(tmp_path / "run"), "RMSE", seed=1).write()
    assert json.loads((tmp_path / "run" / "history.json").read_text()) == []


def test_tensorboard_can_be_started_in_this_environment():
    from tensorboard import default, main  # noqa: F401 - they import what newer setuptools lack

    assert {"ScalarsPlugin", "ProjectorPlugin"} <= {getattr(one, "__name__", "") for one in default.get_plugins()}
