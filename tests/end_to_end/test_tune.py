"""`recommender tune` on the folder of a finished run."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from components.feature_specs import FeaturesConfig, specs_to_json
from pipelines.cli.run import configure
from pipelines.tuning.trials import TRIALS, TrialFiles
from tests.end_to_end.command import LENIENT, assert_explained, recommender, run, start, state_of
from tests.end_to_end.conftest import SETTINGS

NARROW = ("--parameters", "retrieval.l2,retrieval.learning_rate", "--epochs", 2, "--set", "retrieval.eval_every=1")


def overrides():
    return tuple(argument for argument in SETTINGS if argument != "--set")


@pytest.fixture(scope="module")
def files(first_run) -> TrialFiles:
    def newest(stage: str, key: str) -> Path:
        return max((first_run.folder.artifacts / stage / key).iterdir(), key=lambda path: int(path.name))

    return TrialFiles(
        catalogue=f"{newest('ExampleGen', 'entities')}/Split-items/*",
        users=f"{newest('ExampleGen', 'entities')}/Split-users/*",
        features=specs_to_json(FeaturesConfig().specs()),
        sequences=f"{newest('ExampleGen', 'sequences')}/Split-all/*",
        liked_from=None,
        leave_out_seen="always",
        eval_rows=f"{newest('ExampleGen', 'examples')}/Split-eval/*",
        transform_graph=str(newest("Transform", "transform_graph")),
    )


@pytest.fixture(scope="module")
def tuned(first_run, tmp_path_factory):
    """Three trials in the folder of the first run; where the preset was written, and what was said."""
    before = state_of(first_run.folder.pushed_model), first_run.folder.summary.read_text()
    preset = tmp_path_factory.mktemp("tuned") / "tuned.toml"
    arguments = ("--run-folder", first_run.folder.path, "--trials", 3, *NARROW, "--output", preset)
    done = recommender("tune", *SETTINGS, *arguments)
    assert done.code == 0, done.text
    assert (state_of(first_run.folder.pushed_model), first_run.folder.summary.read_text()) == before
    return preset, done, arguments


def test_the_data_stages_are_those_of_the_run_and_nothing_after_transform_is_run(tuned):
    stages = re.findall(r"^\[ *\d+/\d+\] (\w+) +(.*)$", tuned[1].err, re.MULTILINE)
    assert {outcome for _, outcome in stages} == {"cached"}
    assert stages[-1][0] == "Transform"
    assert not {"PeerLists", "RetrievalTrainer", "RankingTrainer"} & {stage for stage, _ in stages}


def test_each_trial_has_its_line_and_the_tables_name_preset_and_importances(tuned):
    _, done, _ = tuned
    assert len(re.findall(r"^trial \d of 3  NDCG@100 0\.\d{4}", done.err, re.MULTILINE)) == 3
    assert "0, the preset" in done.out
    assert re.search(r"retrieval\.l2 .* [01]\.\d\d ", done.out)


def test_the_preset_has_the_best_settings_and_the_preset_s_own_elsewhere(tuned):
    preset, done, _ = tuned
    best = re.search(r"best, trial (\d)", done.out).group(1)
    values = {
        name: float(re.search(rf"│ {name} +│[^│]*│[^│]*│ +([^ ]+) +│", done.out).group(1))
        for name in ("retrieval.l2", "retrieval.learning_rate")
    }
    base = configure("demo", overrides())
    written = configure(str(preset))
    assert written.retrieval.l2 == pytest.approx(values["retrieval.l2"])
    assert written.retrieval.learning_rate == pytest.approx(values["retrieval.learning_rate"])
    if best == "0":
        assert values == {"retrieval.l2": 1e-4, "retrieval.learning_rate": 0.01}
    assert written.retrieval.epochs == base.retrieval.epochs  # --epochs is about trials only
    assert (written.data, written.split, written.ranking) == (base.data, base.split, base.ranking)


def test_the_same_command_has_nothing_left_to_try_and_says_the_same(tuned):
    _, done, arguments = tuned
    again = recommender("tune", *SETTINGS, *arguments)
    assert again.code == 0, again.text
    assert again.out == done.out
    assert "Going on after 3 trials" in again.err
    assert not re.search(r"^trial ", again.err, re.MULTILINE)


@pytest.mark.parametrize("model", ["retrieval", "ranking"])
def test_test_rows_decide_nothing_and_need_not_be_there(model, first_run, files, tmp_path):
    config = configure("demo", (*overrides(), f"{model}.epochs=2"))
    value = TRIALS[model](config, files).train(config, lambda epoch, best: None).value
    examples = Path(files.eval_rows).parents[1]
    shutil.copytree(examples, tmp_path / "examples")
    assert any((tmp_path / "examples" / "Split-test").iterdir())
    shutil.rmtree(tmp_path / "examples" / "Split-test")
    without = TrialFiles(**{**vars(files), "eval_rows": f"{tmp_path}/examples/Split-eval/*"})
    assert not any("Split-test" in str(place) for place in vars(without).values())
    assert TRIALS[model](config, without).train(config, lambda epoch, best: None).value == value


def test_the_metric_is_the_one_that_the_trainer_has_written_down(first_run, files):
    """Same data, settings and seed as the first run: the trial comes to the trainer's best eval metric."""
    config = configure("demo", overrides())
    outcome = TRIALS["retrieval"](config, files).train(config, lambda epoch, best: None)
    log = next(first_run.folder.artifacts.glob("RetrievalTrainer/model_run/*/training.json"))
    written = [epoch["eval_ndcg@100"] for epoch in json.loads(log.read_text())["epochs"] if "eval_ndcg@100" in epoch]
    assert outcome.value == pytest.approx(max(written), abs=0.01)


def test_the_search_begins_where_a_run_on_these_data_would(files):
    left_open = ("retrieval.embedding_dim=0", "retrieval.min_ratings=0", "retrieval.l2=none")
    config = configure("demo", (*overrides(), *left_open))
    trials = TRIALS["retrieval"](config, files)
    settled = trials.settled(config).retrieval
    assert (settled.embedding_dim, settled.min_ratings, settled.l2) == (128, 5, None)  # 50 rows a user
    assert "fixed_l2" not in trials.traits


def test_a_wrong_command_is_explained_before_anything_is_loaded(tmp_path):
    assert_explained(recommender("tune", "--trials", 2, "--parameters", "retrieval.l3"), 2)
    assert_explained(recommender("tune", "--trials", 2, "--output", tmp_path / "preset.json"), 2)
    assert_explained(recommender("tune", "--trials", 2, "--set", "training.strategy=multi_worker"), 2)
    assert_explained(recommender("tune"), 2)


def test_without_optuna_the_command_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = recommender("tune", "--trials", 2)
    assert_explained(done, 2)
    assert "tfx-recommenders[tune]" in done.err


def test_data_without_ratings_have_no_rating_model_to_tune(tmp_path):
    rows = [f"u{user},i{item},{100 * user + item}" for user in range(8) for item in range(8)]
    (tmp_path / "views.csv").write_text("\n".join(["user,item,timestamp", *rows]))
    command = ("tune", "--model", "ranking", "--trials", 2, "--ratings", tmp_path / "views.csv")
    done = recommender(*command, "--run-folder", tmp_path / "run")
    assert_explained(done, 2)
    assert "carry no ratings" in done.err


def ended_trials(storage: Path) -> int:
    if not storage.is_file():
        return 0
    try:
        with sqlite3.connect(f"file:{storage}?mode=ro", uri=True) as connection:
            query = "SELECT COUNT(*) FROM trials WHERE state = 'COMPLETE'"
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_killed_search_goes_on_and_its_preset_can_be_run(demo_files, tmp_path):
    folder, preset = tmp_path / "run", tmp_path / "tuned.toml"
    command = (
        *("tune", "--ratings", demo_files, "--run-folder", folder, "--output", preset, "--trials", 6),
        *("--parameters", "retrieval.embedding_dim,retrieval.learning_rate", "--epochs", 12),
    )
    process = start(*command)
    deadline = time.monotonic() + 300
    while ended_trials(folder / "tuning.sqlite") < 2:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not preset.exists()
    kept = ended_trials(folder / "tuning.sqlite")
    assert 2 <= kept < 6
    resumed = recommender(*command)
    assert resumed.code == 0, resumed.text
    before = int(re.search(r"Going on after (\d) trials", resumed.err).group(1))
    assert kept <= before <= kept + 1  # pruned ones and the one that ended while it was killed
    assert len(re.findall(r"^trial \d of 6", resumed.err, re.MULTILINE)) == 6 - before

    done = run(tmp_path / "after", "--preset", preset, *LENIENT, "--set", "ranking.epochs=40")
    assert done.done.code == 0, done.done.text
    tuned = configure(str(preset)).retrieval
    assert done.summary["config"]["retrieval"]["embedding_dim"] == tuned.embedding_dim > 0
    assert done.summary["config"]["data"]["ratings"] == str(demo_files)
    assert done.summary["push"]["pushed"]
