"""Servers for all tests that only ask: one in this process, and one that may also be TensorFlow Serving itself.

`model_server` is ours in a process of its own, or what the environment names:

    TF_MODEL_SERVER=/usr/bin/tensorflow_model_server   start this binary on the same models
    TF_SERVING_REST=http://host:8501 TF_SERVING_GRPC=host:8500   ask this server; it serves the models of
        `python -m tests.serving.models FOLDER`, by FOLDER/models.config
"""

import os

import numpy as np
import pytest

from components.bundle.config import BundleConfig
from serving.models.config import ModelConfig
from serving.server import ServerConfig, running
from tests.components.bundle.small_bundle import build_bundle
from tests.serving.model_server import ModelServer, running_server
from tests.serving.models import save_models

ITEMS = [f"m{number}" for number in range(8)]
USERS = {"ann": [0, 1], "bob": [2], "cy": [7, 6, 5]}


def small_bundle(folder, **options):
    """A bundle of eight items and three users in the folder; the last item of a history is the query."""
    return build_bundle(
        folder,
        item_ids=ITEMS,
        genres=[["even"] if number % 2 == 0 else ["odd"] for number in range(8)],
        vectors=np.eye(8, dtype=np.float32) + 0.1 * np.arange(8, dtype=np.float32),
        biases=np.linspace(0.5, 0.0, 8).astype(np.float32),
        users=USERS,
        test_rows={},
        config=BundleConfig(default_n=3),
        **options,
    )


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory):
    """A folder with one version, 7."""
    base = tmp_path_factory.mktemp("served")
    small_bundle(base / "7")
    return base


@pytest.fixture(scope="session")
def server(bundle_folder):
    """A server of the bundle, on free ports, with REST and gRPC."""
    config = ServerConfig(models=(ModelConfig(name="recommender", base_path=bundle_folder),), rest_port=0, grpc_port=0)
    with running(config) as server:
        yield server


@pytest.fixture(scope="session")
def served_models(tmp_path_factory):
    """The folder of the models that `model_server` serves."""
    folder = tmp_path_factory.mktemp("models")
    save_models(folder)
    return folder


@pytest.fixture(scope="session")
def model_server(request, tmp_path_factory):
    """A server of the models of tests/serving/models.py."""
    rest, grpc = os.environ.get("TF_SERVING_REST"), os.environ.get("TF_SERVING_GRPC")
    if rest and grpc:
        yield ModelServer(rest=rest, grpc=grpc, is_ours=False, pid=None)
        return
    models = request.getfixturevalue("served_models")
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with running_server(models, log, os.environ.get("TF_MODEL_SERVER")) as server:
        yield server
