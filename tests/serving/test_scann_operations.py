"""Bundles in an environment without ScaNN: an exact index needs none, a ScaNN index says what is missing."""

import subprocess
import sys

import pytest

from serving.scann_operations import MissingScannError, load_operations
from tests.components.bundle.small_bundle import random_bundle

WITHOUT_SCANN = """
import sys
from pathlib import Path
sys.modules["scann"] = None
from serving.model import LoadedBundle
from serving.scann_operations import MissingScannError
from tests.components.bundle.small_bundle import random_bundle
bundle = random_bundle(Path(sys.argv[1]), 120, scann=False)
print(len(bundle.recommend(["u"], n=5)[0].items), "items", flush=True)
try:
    LoadedBundle(sys.argv[2])
except MissingScannError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def scann_bundle(tmp_path_factory):
    return random_bundle(tmp_path_factory.mktemp("scann"), 120, scann=True).path


def test_an_exact_bundle_is_built_and_asked_without_scann_and_another_says_what_is_missing(scann_bundle, tmp_path):
    command = [sys.executable, "-c", WITHOUT_SCANN, str(tmp_path / "exact"), str(scann_bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    items, error = done.stdout.splitlines()
    assert items == "5 items"
    assert f"{scann_bundle} has a ScaNN index and the package scann is not installed" in error
    assert "pip install 'tfx-recommenders[serving]'" in error
    assert "recommender export" in error


def test_a_scann_that_does_not_fit_tensorflow_is_told_apart(scann_bundle, monkeypatch):
    import tensorflow as tf

    class Unfit:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "scann":
                raise tf.errors.NotFoundError(None, None, "undefined symbol: _ZN4absl12lts_20240722")

    for name in [name for name in sys.modules if name.split(".")[0] == "scann"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Unfit(), *sys.meta_path])
    with pytest.raises(MissingScannError, match=r"is not built for TensorFlow \d.*undefined symbol"):
        load_operations(scann_bundle)
