import json
import logging
from pathlib import Path

from components import progress
from components.training.training_log import TrainingLog


def test_one_line_an_epoch(caplog):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("NDCG@100", epochs=75, higher_is_better=True)
        log.epoch(3, seconds=2.0, rows=2468, loss=5.6781, metrics={"NDCG@100": 0.12344})
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.INFO, "epoch 3/75  1,234 rows/s  loss 5.678  NDCG@100 .1234")
    ]


def test_line_names_the_model_where_there_are_several(caplog):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("RMSE", epochs=5, higher_is_better=False, models=2)
        log.epoch(1, seconds=0.5, rows=10, loss=1.0, metrics={"RMSE": 1.05}, model=2)
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages == ["model 2/2  epoch 1/5  20 rows/s  loss 1.000  RMSE 1.0500"]


def test_file_holds_the_epochs_and_the_best_of_those_evaluated(tmp_path: Path):
    log = TrainingLog("NDCG@100", epochs=4, higher_is_better=True)
    log.epoch(1, seconds=1.0, rows=100, loss=3.0)
    log.epoch(2, seconds=1.0, rows=100, loss=2.0, metrics={"NDCG@100": 0.3, "Recall@100": 0.5})
    log.epoch(3, seconds=1.0, rows=100, loss=1.0, metrics={"NDCG@100": 0.2, "Recall@100": 0.6})
    path = log.write(str(tmp_path / "model_run"))
    assert path == str(tmp_path / "model_run" / "training.json")
    content = json.loads(Path(path).read_text())
    assert content["metric"] == "eval_ndcg@100"
    assert content["best_epoch"] == 2
    assert content["epochs"][0] == {"epoch": 1, "seconds": 1.0, "rows_per_second": 100, "loss": 3.0}
    assert content["epochs"][2]["eval_recall@100"] == 0.6


def test_lowest_metric_is_best_for_errors_and_each_model_has_its_own_best():
    log = TrainingLog("RMSE", epochs=2, higher_is_better=False, models=2)
    for model, epoch, error in ((1, 1, 0.9), (1, 2, 0.95), (2, 1, 0.97), (2, 2, 0.85)):
        log.epoch(epoch, seconds=1.0, rows=1, loss=1.0, metrics={"RMSE": error}, model=model)
    assert (log.best_epoch(model=1), log.best_epoch(model=2), log.best_epoch()) == (1, 2, 2)
    assert log.as_dict()["best_model"] == 2


def test_a_refit_trains_each_model_for_its_own_best_epoch_and_is_never_best_itself(caplog):
    log = TrainingLog("RMSE", epochs=9, higher_is_better=False, models=3)
    for model, epoch, error in ((1, 1, 0.9), (1, 2, 0.95), (2, 4, 0.85)):
        log.epoch(epoch, seconds=1.0, rows=1, loss=1.0, metrics={"RMSE": error}, model=model)
    progress.LOGGER.addHandler(caplog.handler)
    try:
        assert log.begin_refit() == [1, 4, 9]  # the third was never evaluated
        log.epoch(3, seconds=1.0, rows=2, loss=0.5, model=2)
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
    log = TrainingLog("RMSE", epochs=2, higher_is_better=False)
    log.epoch(1, seconds=1.0, rows=1, loss=float("nan"), metrics={"RMSE": float("nan")})
    content = json.loads(Path(log.write(str(tmp_path))).read_text())
    assert content["epochs"][0]["loss"] is None
    assert content["best_epoch"] == 0


def test_the_epochs_that_a_final_fit_trains_for_are_those_that_eval_chose():
    log = TrainingLog("NDCG", epochs=9, higher_is_better=True, models=3)
    for model, epoch, value in ((1, 1, 0.3), (1, 2, 0.2), (2, 4, 0.5)):
        log.epoch(epoch, seconds=1.0, rows=1, loss=1.0, metrics={"NDCG": value}, model=model)
    assert log.as_dict()["chosen_epochs"] == [1, 4, 9]  # the third was never evaluated
    assert log.begin_refit() == [1, 4, 9]
    assert log.as_dict()["chosen_epochs"] == [1, 4, 9]


def test_a_final_fit_says_that_it_learns_from_all_rows(caplog):
    log = TrainingLog("NDCG", epochs=9, higher_is_better=True)
    assert log.begin_final([4]) == [4]
    progress.LOGGER.addHandler(caplog.handler)
    try:
        with caplog.at_level("INFO", logger=progress.LOGGER.name):
            log.epoch(1, seconds=1.0, rows=10, loss=2.0)
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages == ["all rows  epoch 1/4  10 rows/s  loss 2.000"]
    assert log.as_dict()["chosen_epochs"] == [4]
    assert log.best_epoch() == 0


def test_weights_that_a_training_starts_from_may_be_the_best(caplog, tmp_path: Path):
    progress.LOGGER.addHandler(caplog.handler)
    try:
        log = TrainingLog("RMSE", epochs=5, higher_is_better=False)
        log.epoch(0, seconds=0.0, rows=0, loss=float("nan"), metrics={"RMSE": 0.8})
        log.epoch(1, seconds=1.0, rows=10, loss=1.0, metrics={"RMSE": 0.9})
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert caplog.messages[0] == "before training  RMSE .8000"
    content = json.loads(Path(log.write(str(tmp_path))).read_text())
    assert content["epochs"][0] == {"epoch": 0, "seconds": 0.0, "rows_per_second": 0, "loss": None, "eval_rmse": 0.8}
    assert (content["best_epoch"], content["chosen_epochs"]) == (0, [0])
