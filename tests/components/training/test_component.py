import json
from pathlib import Path

import pytest
from tfx.dsl.components.common.importer import Importer
from tfx.types import standard_artifacts

from components.training.component import RecommenderTrainer
from tests.components.validation.mini_pipeline import examples, output, run, write_split


def toy_run_fn(fn_args):
    """Writes what it was given where a model belongs."""
    Path(fn_args.serving_model_dir).mkdir(parents=True)
    seen = {
        "train": fn_args.train_files,
        "eval": fn_args.eval_files,
        "graph": fn_args.transform_output,
        "model_run": fn_args.model_run_dir,
        "custom_config": fn_args.custom_config,
    }
    (Path(fn_args.serving_model_dir) / "seen.json").write_text(json.dumps(seen))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainer")
    for name, splits in (
        ("ratings", ("train", "eval", "test")),
        ("movies", ("all",)),
        ("sequences", ("train",)),
        ("both", ("train", "train_and_eval")),
    ):
        for split in splits:
            write_split(folder / name, split, [])
    (folder / "graph").mkdir()
    ratings = examples("Ratings", folder / "ratings", ("train", "eval", "test"))
    movies = examples("Movies", folder / "movies", ("all",))
    sequences = examples("Sequences", folder / "sequences", ("train",))
    graph = Importer(source_uri=str(folder / "graph"), artifact_type=standard_artifacts.TransformGraph)
    both = examples("Both", folder / "both", ("train", "train_and_eval"))

    def trainer(name, sequences):
        return RecommenderTrainer(
            examples=ratings.outputs["result"],
            movies=movies.outputs["result"],
            sequences=sequences.outputs["result"],
            transform_graph=graph.outputs["result"],
            run_fn=f"{__name__}.toy_run_fn",
            config='{"epochs": 3}',
        ).with_id(name)

    trainers = [trainer("RetrievalTrainer", sequences), trainer("Refit", both)]
    run(folder / "run", [ratings, movies, sequences, both, graph.with_id("Graph"), *trainers])
    return folder


@pytest.fixture(scope="module")
def seen(trained):
    model = output(trained / "run", "RetrievalTrainer", "model")
    return json.loads((model / "Format-Serving" / "seen.json").read_text())


def test_run_fn_reads_train_and_eval_but_never_test(trained, seen):
    assert seen["train"] == [f"{trained}/ratings/Split-train/*"]
    assert seen["eval"] == [f"{trained}/ratings/Split-eval/*"]


def test_run_fn_gets_catalogue_sequences_and_settings(trained, seen):
    assert seen["custom_config"] == {
        "config": '{"epochs": 3}',
        "strategy": "none",
        "movies": [f"{trained}/movies/Split-all/*"],
        "sequences": [f"{trained}/sequences/Split-train/*"],
    }


def test_for_a_refit_run_fn_gets_train_and_eval_too(trained):
    model = output(trained / "run", "Refit", "model")
    config = json.loads((model / "Format-Serving" / "seen.json").read_text())["custom_config"]
    assert config["sequences"] == [f"{trained}/both/Split-train/*"]
    assert config["refit_sequences"] == [f"{trained}/both/Split-train_and_eval/*"]


def test_run_fn_gets_the_graph_and_a_folder_for_its_log(trained, seen):
    assert seen["graph"] == f"{trained}/graph"
    assert seen["model_run"] == str(output(trained / "run", "RetrievalTrainer", "model_run"))
