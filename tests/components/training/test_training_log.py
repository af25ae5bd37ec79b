import json
import logging
import time
from pathlib import Path

import pytest

from components import progress
from components.training.training_log import Epoch, TrainingLog
from tests.components.training.event_files import scalars


def test_one_line_an_epoch(caplog):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("NDCG@100", epochs=75, higher_is_better=True)
        log.add(Epoch(epoch=3, seconds=2.0, rows=2468, loss=5.6781, metrics={"NDCG@100": 0.12344}))
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.INFO, "epoch 3/75  1,234 rows/s  loss 5.678  NDCG@100 .1234")
    ]


def test_line_names_the_model_where_there_are_several(caplog):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("RMSE", epochs=5, higher_is_better=False, models=2)
        log.add(Epoch(epoch=1, seconds=0.5, rows=10, loss=1.0, metrics={"RMSE": 1.05}, model=2))
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages == ["model 2/2  epoch 1/5  20 rows/s  loss 1.000  RMSE 1.0500"]


def test_file_holds_the_epochs_and_the_best_of_those_evaluated(tmp_path: Path):
    log = TrainingLog("NDCG@100", epochs=4, higher_is_better=True, folder=str(tmp_path / "model_run"))
    log.add(Epoch(epoch=1, seconds=1.0, rows=100, loss=3.0))
    log.add(Epoch(epoch=2, seconds=1.0, rows=100, loss=2.0, metrics={"NDCG@100": 0.3, "Recall@100": 0.5}))
    log.add(Epoch(epoch=3, seconds=1.0, rows=100, loss=1.0, metrics={"NDCG@100": 0.2, "Recall@100": 0.6}))
    log.write()
    content = json.loads((tmp_path / "model_run" / "training.json").read_text())
    assert (content["metric"], content["higher_is_better"]) == ("eval_ndcg@100", True)
    assert content["best_epoch"] == 2
    unjudged = {"model": 1, "epoch": 1, "seconds": 1.0, "rows_per_second": 100, "loss": 3.0, "learning_rate": None}
    assert content["epochs"][0] == unjudged
    assert content["epochs"][2]["eval_recall@100"] == 0.6


def test_lowest_metric_is_best_for_errors_and_each_model_has_its_own_best():
    log = TrainingLog("RMSE", epochs=2, higher_is_better=False, models=2)
    for model, epoch, error in ((1, 1, 0.9), (1, 2, 0.95), (2, 1, 0.97), (2, 2, 0.85)):
        log.add(Epoch(epoch=epoch, seconds=1.0, rows=1, loss=1.0, metrics={"RMSE": error}, model=model))
    assert (log.best_epoch(model=1), log.best_epoch(model=2), log.best_epoch()) == (1, 2, 2)
    assert log.as_dict()["best_model"] == 2


def test_a_refit_trains_each_model_for_its_own_best_epoch_and_is_never_best_itself(caplog):
    log = TrainingLog("RMSE", epochs=9, higher_is_better=False, models=3)
    for model, epoch, error in ((1, 1, 0.9), (1, 2, 0.95), (2, 4, 0.85)):
        log.add(Epoch(epoch=epoch, seconds=1.0, rows=1, loss=1.0, metrics={"RMSE": error}, model=model))
    progress.LOGGER.addHandler(caplog.handler)
    try:
        assert log.begin_refit() == [1, 4, 9]  # the third was never evaluated
        log.add(Epoch(epoch=3, seconds=1.0, rows=2, loss=0.5, model=2))
        log.fitted({"MSE": 0.25, "MAE": 0.4})
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages[-2:] == [
        "train + eval  model 2/3  epoch 3/4  2 rows/s  loss 0.500",
        "on the rows it was trained on:  MSE .2500  MAE .4000",
    ]
    content = log.as_dict()
    assert content["refit_epochs"] == [1, 4, 9]
    assert (content["best_epoch"], content["best_model"]) == (4, 2)
    assert [entry.get("refit", False) for entry in content["epochs"]] == [False, False, False, True]
    assert content["train_metrics"] == {"train_mse": 0.25, "train_mae": 0.4}


def test_diverged_training_is_still_valid_json_and_never_best(tmp_path: Path):
    log = TrainingLog("RMSE", epochs=2, higher_is_better=False, folder=str(tmp_path))
    log.add(Epoch(epoch=1, seconds=1.0, rows=1, loss=float("nan"), metrics={"RMSE": float("nan")}))
    log.write()
    content = json.loads((tmp_path / "training.json").read_text())
    assert (content["epochs"][0]["loss"], content["epochs"][0]["eval_rmse"]) == (None, None)
    assert content["best_epoch"] == 0


def test_the_epochs_that_a_final_fit_trains_for_are_those_that_eval_chose():
    log = TrainingLog("NDCG", epochs=9, higher_is_better=True, models=3)
    for model, epoch, value in ((1, 1, 0.3), (1, 2, 0.2), (2, 4, 0.5)):
        log.add(Epoch(epoch=epoch, seconds=1.0, rows=1, loss=1.0, metrics={"NDCG": value}, model=model))
    assert log.as_dict()["chosen_epochs"] == [1, 4, 9]  # the third was never evaluated
    assert log.begin_refit() == [1, 4, 9]
    assert log.as_dict()["chosen_epochs"] == [1, 4, 9]


def test_a_final_fit_says_that_it_learns_from_all_rows(caplog):
    log = TrainingLog("NDCG", epochs=9, higher_is_better=True)
    assert log.begin_final([4]) == [4]
    progress.LOGGER.addHandler(caplog.handler)
    try:
        with caplog.at_level("INFO", logger=progress.LOGGER.name):
            log.add(Epoch(epoch=1, seconds=1.0, rows=10, loss=2.0))
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages == ["all rows  epoch 1/4  10 rows/s  loss 2.000"]
    assert log.as_dict()["chosen_epochs"] == [4]
    assert log.best_epoch() == 0


def test_weights_that_a_training_starts_from_may_be_the_best(caplog, tmp_path: Path):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("RMSE", epochs=5, higher_is_better=False, folder=str(tmp_path))
        log.add(Epoch(epoch=0, seconds=0.0, rows=0, loss=float("nan"), metrics={"RMSE": 0.8}))
        log.add(Epoch(epoch=1, seconds=1.0, rows=10, loss=1.0, metrics={"RMSE": 0.9}))
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages[0] == "before training  RMSE .8000"
    log.write()
    content = json.loads((tmp_path / "training.json").read_text())
    assert (content["epochs"][0]["epoch"], content["epochs"][0]["loss"], content["epochs"][0]["eval_rmse"]) == (
        0,
        None,
        0.8,
    )
    assert (content["best_epoch"], content["chosen_epochs"]) == (0, [0])


def test_a_line_stands_for_several_epochs_and_tells_the_best_of_them(caplog):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("RMSE", epochs=4, higher_is_better=False, models=2, lines=2)
        for epoch, error in ((1, 0.8), (2, 0.9), (3, 0.7)):
            log.add(Epoch(epoch=epoch, seconds=0.5, rows=10, loss=float(epoch), metrics={"RMSE": error}))
        log.add(Epoch(epoch=1, seconds=1.0, rows=10, loss=4.0, metrics={"RMSE": 0.6}, model=2))
        log.write()
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages == [
        "model 1/2  epoch 1/4  20 rows/s  loss 1.000  RMSE .8000",
        "model 1/2  epoch 3/4  20 rows/s  loss 3.000  RMSE .7000",
        "model 2/2  epoch 1/4  10 rows/s  loss 4.000  RMSE .6000",
    ]
    assert [entry["epoch"] for entry in log.as_dict()["epochs"]] == [1, 2, 3, 1]


def test_long_epochs_have_a_line_each(caplog):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("RMSE", epochs=100, higher_is_better=False, lines=1)
        for epoch, seconds in ((1, 25.0), (2, 12.0), (3, 12.0), (4, 1.0)):
            log.add(Epoch(epoch=epoch, seconds=seconds, rows=24, loss=1.0))
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages == ["epoch 1/100  1 rows/s  loss 1.000", "epoch 3/100  2 rows/s  loss 1.000"]


def test_every_training_has_its_run_for_tensorboard(tmp_path: Path):
    log = TrainingLog("NDCG@100", epochs=3, higher_is_better=True, models=2, folder=str(tmp_path), seed=7)
    log.add(Epoch(epoch=1, seconds=1, rows=10, loss=4.0, learning_rate=0.1))
    log.add(Epoch(epoch=2, seconds=1, rows=10, loss=3.0, metrics={"NDCG@100": 0.25}, learning_rate=0.1))
    log.add(Epoch(epoch=1, seconds=1, rows=10, loss=5.0, metrics={"NDCG@100": 0.5}, model=2, learning_rate=0.1))
    log.begin_refit()
    log.add(Epoch(epoch=1, seconds=1, rows=10, loss=2.0, model=2, learning_rate=0.05))
    log.write()
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


def test_scalars_can_be_watched_before_the_training_ends(tmp_path: Path):
    log = TrainingLog("RMSE", epochs=2, higher_is_better=False, folder=str(tmp_path))
    log.add(Epoch(epoch=1, seconds=1, rows=10, loss=1.0, metrics={"RMSE": 0.9}, learning_rate=0.1))
    deadline = time.monotonic() + 60  # the writer's own thread flushes
    while not scalars(tmp_path / "logs/first/seed-1") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert scalars(tmp_path / "logs/first/seed-1")["train/loss"] == [(1, 1.0)]
    assert not (tmp_path / "training.json").exists()
    log.write()


def test_a_training_without_epochs_has_an_empty_log(tmp_path: Path):
    TrainingLog("RMSE", epochs=2, higher_is_better=False, folder=str(tmp_path / "run")).write()
    content = json.loads((tmp_path / "run" / "training.json").read_text())
    assert (content["epochs"], content["best_epoch"], content["chosen_epochs"]) == ([], 0, [2])


def test_tensorboard_can_be_started_in_this_environment():
    from tensorboard import default, main  # noqa: F401 - they import what newer setuptools lack

    assert {"ScalarsPlugin", "ProjectorPlugin"} <= {getattr(one, "__name__", "") for one in default.get_plugins()}
