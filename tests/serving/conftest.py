"""One served bundle for all tests that only ask."""

import numpy as np
import pytest

from components.bundle.config import BundleConfig
from serving.models_config import ModelConfig
from serving.server import ServerConfig, running
from tests.components.bundle.small_bundle import build_bundle

MOVIES = [f"m{number}" for number in range(8)]
USERS = {"ann": [0, 1], "bob": [2], "cy": [7, 6, 5]}


def small_bundle(folder, **options):
    """A bundle of eight movies and three users in the folder; the last movie of a history is the query."""
    return build_bundle(
        folder,
        movie_ids=MOVIES,
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
