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
    for name, splits in (("examples", ("eval", "test")), ("entities", ("items", "users")), ("sequences", ("all",))):
        for split in splits:
            write_split(folder / name, split, [])
    (folder / "graph").mkdir()
    held_out = examples("HeldOut", folder / "examples", ("eval", "test"))
    entities = examples("Entities", folder / "entities", ("items", "users"))
    plain = examples("Plain", folder / "sequences", ("all",), refit=0, liked_from="", leave_out_seen="always")
    other = examples("Other", folder / "sequences", ("all",), refit=1, liked_from="3.5", leave_out_seen="for_days:7")
    graph = Importer(source_uri=str(folder / "graph"), artifact_type=standard_artifacts.TransformGraph)

    def trainer(name, sequences):
        return RecommenderTrainer(
            examples=held_out.outputs["result"],
            items=entities.outputs["result"],
            sequences=sequences.outputs["result"],
            transform_graph=graph.outputs["result"],
            run_fn=f"{__name__}.toy_run_fn",
            config='{"epochs": 3}',
            split='{"kind": "random"}',
        ).with_id(name)

    trainers = [trainer("RetrievalTrainer", plain), trainer("Refit", other)]
    run(folder / "run", [held_out, entities, plain, other, graph.with_id("Graph"), *trainers])
    return folder


@pytest.fixture(scope="module")
def seen(trained):
    model = output(trained / "run", "RetrievalTrainer", "model")
    return json.loads((model / "Format-Serving" / "seen.json").read_text())


def test_run_fn_gets_held_out_rows_of_eval_and_never_of_test(trained, seen):
    assert seen["train"] == seen["eval"] == [f"{trained}/examples/Split-eval/*"]


def test_run_fn_gets_catalogue_sequences_and_settings(trained, seen):
    assert seen["custom_config"] == {
        "config": '{"epochs": 3}',
        "strategy": "none",
        "split": '{"kind": "random"}',
        "items": [f"{trained}/entities/Split-items/*"],
        "users": [f"{trained}/entities/Split-users/*"],
        "features": "[]",
        "sequences": [f"{trained}/sequences/Split-all/*"],
        "refit": False,
        "liked_from": None,
        "leave_out_seen": "always",
    }


def test_run_fn_is_told_how_ingestion_understood_the_data(trained):
    model = output(trained / "run", "Refit", "model")
    config = json.loads((model / "Format-Serving" / "seen.json").read_text())["custom_config"]
    assert (config["refit"], config["liked_from"], config["leave_out_seen"]) == (True, 3.5, "for_days:7")


def test_run_fn_gets_the_graph_and_a_folder_for_its_log(trained, seen):
    assert seen["graph"] == f"{trained}/graph"
    assert seen["model_run"] == str(output(trained / "run", "RetrievalTrainer", "model_run"))
