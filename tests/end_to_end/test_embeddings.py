"""What the items' vectors of a run show, against the bundle that the run has judged."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from components import features
from tests.datasets import read_rows
from tests.end_to_end.command import assert_explained, recommender, versions


@pytest.fixture(scope="module")
def artifact(first_run):
    """The two files of the stage."""
    (folder,) = first_run.folder.artifacts.glob("EmbeddingMap/embeddings/*")
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}


def judged(first_run):
    """The bundle that was judged, which the map is of: what is pushed has learned from the test rows, too."""
    return first_run.folder.pushed_model / "judged" / versions(first_run.folder)[-1]


@pytest.fixture(scope="module")
def bundle(judged_bundle):
    return judged_bundle


def training_counts(first_run):
    """Training rows of each item."""
    (folder,) = first_run.folder.artifacts.glob("ExampleGen/sequences/*")
    return Counter(
        item.decode()
        for user in read_rows(f"{folder}/Split-all/*")
        for item, part in zip(user["sequence_item_ids"], user["sequence_parts"][0], strict=True)
        if part == features.TRAIN_PART
    )


def test_the_map_has_every_item_with_its_training_rows(first_run, bundle, artifact):
    items = artifact["map.json"]["items"]
    assert artifact["map.json"]["method"] == "tsne"
    catalogue = {item["id"]: (item["title"], item["features"]["genres"]) for item in bundle.catalogue["items"]}
    assert {item["item_id"]: (item["title"], item["genres"]) for item in items} == catalogue
    counts = training_counts(first_run)
    assert {item["item_id"]: item["rows"] for item in items} == {item: counts[item] for item in catalogue}
    assert [item["rows"] for item in items] == sorted((item["rows"] for item in items), reverse=True)


def test_its_neighbours_are_those_that_the_bundle_calls_similar(bundle, artifact):
    for item in artifact["map.json"]["items"][:30]:
        assert item["neighbours"] == [one.id for one in bundle.similar(item["item_id"])]


def test_neighbours_lie_close_together_on_the_map(artifact):
    points = {item["item_id"]: complex(item["x"], item["y"]) for item in artifact["map.json"]["items"]}
    centre = sum(points.values()) / len(points)
    spread = sum(abs(point - centre) for point in points.values()) / len(points)
    distances = [
        abs(points[item["item_id"]] - points[other])
        for item in artifact["map.json"]["items"]
        for other in item["neighbours"]
    ]
    assert sum(distances) / len(distances) < spread / 2


def test_genres_are_told_from_who_watches_what(bundle, artifact):
    genres = artifact["genres.json"]
    assert genres["vectors"] == "collaborative"
    assert {entry["genre"] for entry in genres["genres"] + genres["left_out"]} == {
        filter.removeprefix("genres=") for filter in bundle.filters
    }
    assert genres["macro"]["auc"] > 0.6  # the demo's users like genres
    assert genres["macro"]["average_precision"] > genres["macro"]["chance"] + 0.1
    # The served vectors have been told the genres, so they must know them better than who had what does.
    assert genres["macro"]["whole_auc"] > genres["macro"]["auc"]


def test_the_command_classifies_from_the_bundle_alone(first_run, artifact):
    done = recommender("embeddings", "classify", "--json", "--model", judged(first_run))
    assert done.code == 0, done.text
    report = json.loads(done.out)
    # The bundle's users have their test rows as well, so that figures differ a little.
    assert report["items"] == artifact["genres.json"]["items"]
    assert report["macro"]["auc"] == pytest.approx(artifact["genres.json"]["macro"]["auc"], abs=0.05)
    assert report["macro"]["chance"] == pytest.approx(artifact["genres.json"]["macro"]["chance"])
    table = recommender("embeddings", "classify", "--model", judged(first_run)).out
    for entry in report["genres"]:
        (row,) = [line for line in table.splitlines() if f" {entry['genre']} " in line]
        assert f"{entry['auc']:.3f}" in row
        assert f"{entry['always_f1']:.3f}" in row


def test_exported_vectors_make_the_bundles_scores(first_run, bundle, artifact, tmp_path):
    files = ("--items", tmp_path / "items.parquet", "--users", tmp_path / "users.parquet")
    done = recommender("embeddings", "export", *files, "--model", judged(first_run))
    assert done.code == 0, done.text
    assert f"1,100 items, {bundle.facts['index']['dimensions']} dimensions" in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.parquet", "users.parquet"]
    items, users = pq.read_table(tmp_path / "items.parquet"), pq.read_table(tmp_path / "users.parquet")
    assert users["user_id"].to_pylist()[:150] == bundle.known_users
    assert dict(zip(items["item_id"].to_pylist(), items["rows"].to_pylist(), strict=True)) == {
        item["item_id"]: item["rows"] for item in artifact["map.json"]["items"]
    }
    scores = np.array(users["vector"].to_pylist()) @ np.array(items["vector"].to_pylist()).T
    at = {item: column for column, item in enumerate(items["item_id"].to_pylist())}
    for row, answer in enumerate(bundle.recommend(users["user_id"].to_pylist()[:20])):
        assert [scores[row, at[item.id]] for item in answer.items] == pytest.approx(
            [item.score for item in answer.items], rel=1e-4
        )
    assert users["interactions"].to_pylist()[3] == len(bundle.user_history(bundle.known_users[3]))
    biases = json.loads(items.schema.metadata[b"bias_dimensions"])
    assert {vector[biases[0]] for vector in users["vector"].to_pylist()} == {1.0}


def test_there_must_be_something_to_export_and_somewhere_to_put_it(first_run, tmp_path):
    model = ("--model", judged(first_run))
    assert_explained(recommender("embeddings", "export", *model), 2)
    assert_explained(recommender("embeddings", "export", "--items", tmp_path, *model), 2)
    (tmp_path / "file").touch()
    assert_explained(recommender("embeddings", "projector", "--output", tmp_path, *model), 2)
    assert_explained(recommender("embeddings", "projector", "--output", tmp_path / "file" / "x", *model), 2)


def test_files_for_the_projector(first_run, artifact, tmp_path):
    done = recommender("embeddings", "projector", "--output", tmp_path / "shown", "--model", judged(first_run))
    assert done.code == 0, done.text
    assert f"tensorboard --logdir {tmp_path / 'shown'}" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["shown"]
    rows = [line.split("\t") for line in (tmp_path / "shown" / "metadata.tsv").read_text().splitlines()]
    assert rows[0] == ["title", "genres", "rows", "item_id"]
    expected = {m["item_id"]: [m["title"], sorted(m["genres"]), m["rows"]] for m in artifact["map.json"]["items"]}
    assert {row[3]: [row[0], sorted(filter(None, row[1].split("|"))), int(row[2])] for row in rows[1:]} == expected
    vectors = np.loadtxt(tmp_path / "shown" / "vectors.tsv")
    assert len(vectors) == 1100
    ids = [row[3] for row in rows[1:]]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for item in artifact["map.json"]["items"][:10]:
        cosines = units @ units[ids.index(item["item_id"])]
        cosines[ids.index(item["item_id"])] = -2
        assert ids[int(cosines.argmax())] == item["neighbours"][0]


@pytest.mark.slow
def test_tensorboard_shows_the_projector_and_the_training_curves(first_run, tmp_path):
    assert (
        recommender("embeddings", "projector", "--output", tmp_path / "shown", "--model", judged(first_run)).code == 0
    )
    with tensorboard(tmp_path / "shown") as ask:
        assert json.loads(ask("data/plugin/projector/runs")) == ["."]
        (info,) = json.loads(ask("data/plugin/projector/info?run=."))["embeddings"]
        assert (info["tensorName"], info["tensorShape"][0]) == ("items", 1100)
        where = f"run=.&name={info['tensorName']}"
        tensor = np.frombuffer(ask(f"data/plugin/projector/tensor?{where}"), np.float32).reshape(info["tensorShape"])
        np.testing.assert_allclose(tensor, np.loadtxt(tmp_path / "shown" / "vectors.tsv"), rtol=1e-5)
        assert ask(f"data/plugin/projector/metadata?{where}").decode().count("\n") == 1101
    with tensorboard(first_run.folder.artifacts) as ask:
        tags = json.loads(ask("data/plugin/scalars/tags"))
        (retrieval,) = [run for run in tags if run.startswith("RetrievalTrainer/model_run/")]
        assert set(tags[retrieval]) == {"train/loss", "train/learning_rate", "eval/NDCG@100"}


@contextlib.contextmanager
def tensorboard(logdir):
    """Yields what asks a TensorBoard of its own for a path."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [
        Path(sys.executable).with_name("tensorboard"),
        "--logdir",
        logdir,
        "--port",
        str(port),
        "--load_fast",
        "false",
    ]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(path):
        for _ in range(120):  # until it listens and has read the folder
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
                    content = answer.read()
                if content not in (b"[]", b"{}"):
                    return content
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, "TensorBoard has ended"
            time.sleep(0.5)
        raise TimeoutError(path)

    try:
        yield ask
    finally:
        process.terminate()
        process.wait()
