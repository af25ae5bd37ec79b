"""Deliberately spoiled models are refused by the real Evaluator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import INDEX_REPORT, LEAVE_OUT_SEEN
from components.bundle.component import RecommenderBundler
from components.bundle.config import BundleConfig
from components.evaluation.config import EvaluationConfig
from components.evaluation.executor import Executor as Evaluator
from components.evaluation.results import read_evaluation
from components.index.export import save_index
from components.index.search import ExactIndex
from components.settings import to_json
from tests.datasets import ITEMS_HEADER, RATINGS_HEADER, read_rows, write_csv
from tests.end_to_end.command import run
from tests.end_to_end.conftest import TRAINING


def artifact(run_, component, key, kind=standard_artifacts.Model, splits=()):
    """What a component of the first run wrote; other tests run the pipeline again in the same folder."""
    folder = min(run_.folder.artifacts.glob(f"{component}/{key}/*"), key=lambda path: int(path.name))
    found = kind()
    found.uri, found.id = str(folder), int(folder.name)
    if splits:
        found.split_names = artifact_utils.encode_split_names(list(splits))
        found.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    return found


def judge(first_run, model, folder: Path):
    """The bundle `model` against the one that the run has pushed, on the run's own test rows."""
    served = artifact(first_run, "RecommenderBundler", "model")
    served.set_string_custom_property("version", "1")
    rows = artifact(first_run, "PeerLists", "judged_rows", standard_artifacts.Examples, ["test"])
    outputs = {"evaluation": standard_artifacts.ModelEvaluation(), "blessing": standard_artifacts.ModelBlessing()}
    for name, output in outputs.items():
        output.uri = str(folder / name)
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
    Evaluator(context).Do(
        {"examples": [rows], "model": [model], "baseline_model": [served]},
        {name: [output] for name, output in outputs.items()},
        {"config": to_json(EvaluationConfig()), "has_ratings": 1},
    )
    return read_evaluation(outputs["evaluation"].uri, outputs["blessing"].uri)


def test_an_index_over_the_wrong_vectors_is_refused(first_run, tmp_path):
    """Every item's vector stands in another item's place; retrieval, ranking and the rest are as they were."""
    served = tf.saved_model.load(artifact(first_run, "CandidateIndexer", "index").uri + "/Format-Serving")
    vectors = served.vectors(tf.range(1100)).numpy()
    wrong = vectors[np.random.default_rng(1).permutation(len(vectors))]
    index, model = standard_artifacts.Model(), standard_artifacts.Model()
    index.uri, model.uri, model.id = str(tmp_path / "index"), str(tmp_path / "model"), 9
    save_index(ExactIndex(wrong), wrong, f"{index.uri}/Format-Serving")
    nothing = {"leaves_to_search": 0, "reorder": 0}
    report = {"kind": "exact", "size": 1100, "dimensions": wrong.shape[1], "recall": 1.0, "k": 100, **nothing}
    Path(index.uri, INDEX_REPORT).write_text(json.dumps(report))
    examples = standard_artifacts.Examples
    inputs = {
        "retrieval": artifact(first_run, "RetrievalTrainer", "model"),
        "index": index,
        "ranking": artifact(first_run, "RankingTrainer", "model"),
        "items": artifact(first_run, "ExampleGen", "entities", examples, ["items", "users"]),
        "sequences": artifact(first_run, "ExampleGen", "sequences", examples, ["all"]),
    }
    inputs["sequences"].set_string_custom_property(LEAVE_OUT_SEEN, "always")
    properties = {"config": to_json(BundleConfig()), "before_test": 0, "judged_k": 100}
    RecommenderBundler.test_call(**inputs, **properties, model=model)
    result = judge(first_run, model, tmp_path)
    assert not result.blessed
    refused = {gate.name for gate in result.gates if not gate.passed}
    assert refused == {"recall_lift", "recall_peer", "recall_change"}  # the stars do not come from the index


@pytest.mark.slow
def test_models_trained_on_shuffled_labels_are_refused(first_run, tmp_path):
    """Who watched which item, and how many stars it got, is shuffled in train and eval; the test rows are true."""
    (folder,) = first_run.folder.artifacts.glob("ExampleGen/sequences/*")
    generator = np.random.default_rng(1)
    rows: dict[str, list] = {"train": [], "eval": [], "test": []}
    for user in read_rows(f"{folder}/Split-all/*"):
        columns = [user[f"sequence_{name}"] for name in ("item_ids", "ratings", "timestamps")]
        for item, stars, time, part in zip(*columns, user["sequence_parts"][0], strict=True):
            rows[list(rows)[part]].append((user["user_id"][0], item, stars, time))
    files = {}
    for split, found in rows.items():
        columns = [list(column) for column in zip(*found, strict=True)]
        if split != "test":
            columns[1:3] = [generator.permutation(column) for column in columns[1:3]]
        lines = [(u.decode(), m.decode(), stars, time) for u, m, stars, time in zip(*columns, strict=True)]
        files[split] = write_csv(tmp_path / f"{split}.csv", RATINGS_HEADER, lines)
    (catalogue,) = first_run.folder.artifacts.glob("ExampleGen/entities/*")
    items = [
        (row["item_id"][0].decode(), row["item_title"][0].decode(), "|".join(g.decode() for g in row["item_genres"]))
        for row in read_rows(f"{catalogue}/Split-items/*")
    ]
    arguments = ["--ratings", files["train"], "--eval-ratings", files["eval"], "--test-ratings", files["test"]]
    arguments += ["--items", write_csv(tmp_path / "movies.csv", ITEMS_HEADER, items)]
    spoiled = run(tmp_path / "run", *arguments, *(word for one in TRAINING for word in ("--set", one)))
    assert spoiled.done.code == 0, spoiled.done.text
    evaluation = spoiled.summary["evaluation"]
    assert not evaluation["blessed"]
    assert not spoiled.gates["recall_lift"]["passed"], spoiled.gates
    # The means learn from the same shuffled stars and chase their noise, so that no gate on stars can tell.
    assert not spoiled.summary["push"]["pushed"]
