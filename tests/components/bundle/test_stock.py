"""A bundle with a ScaNN index becomes one of TensorFlow's own operations, from its folder alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from components.bundle.stock import write_exact_twin
from components.errors import InputError
from tests.components.bundle.small_bundle import random_bundle

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
answers = bundle.recommend(["u", "v", ""], n=50, genres=["Odd"]) + bundle.recommend(["u", "v"])
print(json.dumps({
    "unregistered": sorted({n.op for n in nodes if n.op not in functions and op_def_registry.get(n.op) is None}),
    "lists": [[movie.id for movie in answer.movies] for answer in answers],
    "history": bundle.user_history("v"),
    "similar": [movie.id for movie in bundle.similar("7")],
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
    expected = scann_bundle.recommend(["u", "v", ""], n=50, genres=["Odd"]) + scann_bundle.recommend(["u", "v"])
    assert found["lists"] == [[movie.id for movie in answer.movies] for answer in expected]
    assert [tuple(row) for row in found["history"]] == scann_bundle.user_history("v")
    assert found["similar"] == [movie.id for movie in scann_bundle.similar("7")]
    extra, of_twin = (path / "assets.extra" for path in (scann_bundle.path, tmp_path / "twin"))
    assert json.loads((of_twin / "bundle.json").read_text())["index"]["kind"] == "exact"
    for name in ("catalogue.json", "users.parquet", "tf_serving_warmup_requests"):
        assert (of_twin / name).read_bytes() == (extra / name).read_bytes()


def test_a_bundle_that_does_not_tell_its_settings_is_refused(tmp_path):
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "bundle.json").write_text('{"index": {"kind": "scann"}}')
    with pytest.raises(InputError, match="cannot be exported"):
        write_exact_twin(tmp_path, tmp_path / "twin")
