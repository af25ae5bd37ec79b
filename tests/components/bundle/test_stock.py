"""A bundle with a ScaNN index becomes one of TensorFlow's own operations, from its folder alone."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from components.bundle.stock import write_exact_twin
from components.errors import InputError
from serving.model import LoadedBundle
from tests.components.bundle.small_bundle import build_bundle, random_bundle

WITHOUT_SCANN = """
import importlib.abc, json, sys
class NoScann(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "scann":
            raise ImportError("scann is not installed here")
sys.meta_path.insert(0, NoScann())
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry
from serving.model import LoadedBundle
bundle = LoadedBundle(sys.argv[1])
model = saved_model_pb2.SavedModel.FromString(open(sys.argv[1] + "/saved_model.pb", "rb").read())
graph = model.meta_graphs[0].graph_def
nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
functions = {function.signature.name for function in graph.library.function}
answers = bundle.recommend(["u", "v", ""], n=50, filters=["genres=Odd"]) + bundle.recommend(["u", "v"])
print(json.dumps({
    "unregistered": sorted({n.op for n in nodes if n.op not in functions and op_def_registry.get(n.op) is None}),
    "lists": [[item.id for item in answer.items] for answer in answers],
    "history": bundle.user_history("v"),
    "similar": [item.id for item in bundle.similar("7")],
}))
"""


@pytest.fixture(scope="module")
def scann_bundle(tmp_path_factory):
    return random_bundle(tmp_path_factory.mktemp("scann"), 120, scann=True)


def test_the_exact_twin_answers_alike_in_a_process_without_scann(scann_bundle, tmp_path):
    write_exact_twin(scann_bundle.path, tmp_path / "twin")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SCANN, str(tmp_path / "twin")], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["unregistered"] == []
    expected = scann_bundle.recommend(["u", "v", ""], n=50, filters=["genres=Odd"]) + scann_bundle.recommend(["u", "v"])
    assert found["lists"] == [[item.id for item in answer.items] for answer in expected]
    assert [tuple(row) for row in found["history"]] == scann_bundle.user_history("v")
    assert found["similar"] == [item.id for item in scann_bundle.similar("7")]
    extra, of_twin = (path / "assets.extra" for path in (scann_bundle.path, tmp_path / "twin"))
    assert json.loads((of_twin / "bundle.json").read_text())["index"]["kind"] == "exact"
    for name in ("catalogue.json", "users.parquet", "tf_serving_warmup_requests"):
        assert (of_twin / name).read_bytes() == (extra / name).read_bytes()


def test_the_twin_keeps_dislikes_the_scale_and_what_lists_leave_out(tmp_path):
    bundle = build_bundle(
        tmp_path / "bundle",
        item_ids=["a", "b", "c", "d"],
        genres=[[]] * 4,
        vectors=np.array([[i, 1.0] for i in range(4)]),
        biases=np.zeros(4),
        users={"Ann": [1, 2], "Bo": [3]},
        test_rows={},
        ratings={"Ann": [1.0, 0.0], "Bo": [0.0]},
        leave_out_seen="for_days:0.00001",  # of the rows, a second apart, the latest one alone
        scale=(0.0, 1.0),
        liked_from=1.0,
    )
    write_exact_twin(bundle.path, tmp_path / "twin")
    twin = LoadedBundle(tmp_path / "twin")
    for one in (bundle, twin):
        ann, bo, asked = (
            *one.recommend(["Ann", "Bo"]),
            *one.recommend([""], history=[("d", 0.0)]),
        )
        assert ([item.id for item in ann.items], ann.source) == (["d", "c", "b", "a"], "model")
        assert ([item.id for item in bo.items], bo.source) == (["b", "a", "c"], "popularity")
        assert asked.source == "popularity"


def test_a_bundle_that_does_not_tell_its_settings_is_refused(tmp_path):
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "bundle.json").write_text('{"index": {"kind": "scann"}}')
    with pytest.raises(InputError, match="cannot be exported"):
        write_exact_twin(tmp_path, tmp_path / "twin")
