import dataclasses
import json

import pytest

from components.errors import InputError
from pipelines.local_run import stage_facts
from pipelines.local_run.stages import OutputArtifact, StageResult


def result(stage, outputs, *, cached=False):
    artifacts = {key: OutputArtifact(uri=str(uri), properties=properties) for key, (uri, properties) in outputs.items()}
    return {stage: StageResult(id=stage, seconds=1.0, cached=cached, outputs=artifacts)}


def pushed(properties, *, cached=False):
    return result("Pusher", {"pushed_model": ("/nowhere", properties)}, cached=cached)


def version(folder, name):
    (folder / name).mkdir(parents=True)
    (folder / name / "saved_model.pb").write_bytes(b"")


def test_nothing_is_told_of_stages_that_did_not_run(tmp_path):
    facts = stage_facts.read({}, "demo", "random", tmp_path)
    assert facts == {
        "everything_cached": False,
        "data": None,
        "training": {},
        "index": None,
        "bundle": None,
        "evaluation": None,
        "push": None,
        "batch_scores": None,
    }


def test_data_come_from_the_example_gen():
    assert stage_facts.read_data({}, source="s", split="random") is None
    examples = {
        "rows_train": 80,
        "rows_eval": 11,
        "rows_test": 9,
        "users": 7,
        "items": 12,
        "added_from_ratings": 3,
        "duplicates_dropped": 2,
        "has_ratings": 1,
        "has_timestamps": 0,
        "refit": 1,
    }
    data = stage_facts.read_data(result("ExampleGen", {"examples": ("/r", examples)}), source="s", split="random")
    assert data.rows == {"train": 80, "eval": 11, "test": 9}
    assert (data.users, data.items, data.added_items, data.duplicates_dropped) == (7, 12, 3, 2)
    assert (data.has_ratings, data.has_timestamps, data.refit) == (True, False, True)


def test_training_tells_the_best_epoch_and_all_epochs(tmp_path):
    epochs = [
        {"model": 1, "epoch": 5, "seconds": 1.0, "eval_ndcg": 0.2},
        {"model": 1, "epoch": 10, "seconds": 2.0, "eval_ndcg": 0.3},
        {"model": 1, "epoch": 15, "seconds": 4.0, "eval_ndcg": 0.25},
    ]
    log = {"epochs": epochs, "best_epoch": 10, "best_model": 1, "metric": "eval_ndcg"}
    log = {"refit_epochs": [], "train_metrics": {}, **log}
    (tmp_path / "training.json").write_text(json.dumps(log))
    training = stage_facts.read_training(result("RetrievalTrainer", {"model_run": (tmp_path, {})}))
    assert list(training) == ["RetrievalTrainer"]
    one = training["RetrievalTrainer"]
    assert (one.epochs, one.best_epoch, one.best_value, one.seconds) == (15, 10, 0.3, 7.0)


def test_training_of_several_seeds_tells_the_best_model(tmp_path):
    epochs = [
        {"model": 1, "epoch": 1, "seconds": 1.0, "eval_rmse": 0.9},
        {"model": 1, "epoch": 2, "seconds": 1.0, "eval_rmse": 0.8},
        {"model": 2, "epoch": 1, "seconds": 1.0, "eval_rmse": 0.95},
        {"model": 2, "epoch": 2, "seconds": 1.0, "eval_rmse": 0.7},
        {"model": 2, "epoch": 3, "seconds": 1.0, "eval_rmse": 0.75},
    ]
    log = {"epochs": epochs, "best_epoch": 2, "best_model": 2, "metric": "eval_rmse"}
    log = {"refit_epochs": [], "train_metrics": {}, **log}
    (tmp_path / "training.json").write_text(json.dumps(log))
    one = stage_facts.read_training(result("RankingTrainer", {"model_run": (tmp_path, {})}))["RankingTrainer"]
    assert (one.epochs, one.best_value) == (5, 0.7)


def test_training_of_a_refit_counts_both_trainings(tmp_path):
    epochs = [
        {"model": 1, "epoch": 1, "seconds": 1.0, "eval_rmse": 0.9},
        {"model": 1, "epoch": 2, "seconds": 1.0, "eval_rmse": 0.8},
        {"model": 1, "epoch": 3, "seconds": 1.0, "eval_rmse": 0.85},
        {"model": 1, "refit": True, "epoch": 1, "seconds": 1.0},
        {"model": 1, "refit": True, "epoch": 2, "seconds": 2.0},
    ]
    log = {"epochs": epochs, "best_epoch": 2, "best_model": 1, "metric": "eval_rmse"}
    log |= {"refit_epochs": [2], "train_metrics": {"train_mse": 0.25}}
    log = {"refit_epochs": [], "train_metrics": {}, **log}
    (tmp_path / "training.json").write_text(json.dumps(log))
    one = stage_facts.read_training(result("RankingTrainer", {"model_run": (tmp_path, {})}))["RankingTrainer"]
    assert (one.epochs, one.best_epoch, one.best_value, one.seconds) == (5, 2, 0.8, 6.0)
    assert (one.refit_epochs, one.train_metrics) == ([2], {"train_mse": 0.25})


def test_an_artifact_that_lost_its_file_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"index\.json"):
        stage_facts.read_index(result("CandidateIndexer", {"index": (tmp_path, {})}))


def test_a_push_of_this_run(tmp_path):
    version(tmp_path, "7")
    push = stage_facts.read_push(
        pushed({"pushed": 1, "pushed_version": "7"}), blessed=True, everything_cached=False, destination=tmp_path
    )
    assert push.pushed
    assert (push.version, push.path, push.served_version) == (7, str(tmp_path / "7"), 7)


@pytest.mark.parametrize(
    ("properties", "cached", "blessed", "everything_cached", "reason"),
    [
        ({"pushed": 0}, False, False, False, "not blessed"),
        ({"pushed": 0, "pushed_version": "7"}, False, True, False, "already served"),
        ({"pushed": 1, "pushed_version": "7"}, True, True, True, "nothing changed"),
        ({"pushed": 1, "pushed_version": "7"}, True, True, False, "already served"),
        ({"pushed": 0}, True, False, True, "not blessed"),
    ],
)
def test_why_nothing_was_pushed(tmp_path, properties, cached, blessed, everything_cached, reason):
    version(tmp_path, "7")
    push = stage_facts.read_push(
        pushed(properties, cached=cached), blessed=blessed, everything_cached=everything_cached, destination=tmp_path
    )
    assert not push.pushed
    assert push.version is None
    assert push.path is None
    assert push.reason.startswith(reason)
    assert push.served_version == 7


def test_everything_cached_means_every_stage(tmp_path):
    one, other = result("One", {}, cached=True), result("Two", {}, cached=False)
    assert stage_facts.read(one, "", "", tmp_path)["everything_cached"]
    assert not stage_facts.read({**one, **other}, "", "", tmp_path)["everything_cached"]


def test_batch_scores_are_those_of_the_version_that_was_pushed():
    counts = {"users": 3, "rows": 60, "rejected": 1}
    nothing_pushed = result("BatchScorer", {"scores": ("/s", {})})
    assert stage_facts.read_batch_scores(nothing_pushed) is None
    scores = stage_facts.read_batch_scores(result("BatchScorer", {"scores": ("/s", {"pushed_version": "7", **counts})}))
    assert dataclasses.asdict(scores) == {"path": "/s/scores.parquet", "model_version": "7", **counts}
