"""`import tfx_recommenders`: what other programs import."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

import tfx_recommenders


def test_the_version_is_that_of_the_distribution():
    assert tfx_recommenders.__version__ == metadata.version("tfx-recommenders")


def test_the_client_and_the_bundle_are_those_of_serving():
    from serving.client import RecommenderClient
    from serving.model import LoadedBundle

    assert (tfx_recommenders.RecommenderClient, tfx_recommenders.LoadedBundle) == (RecommenderClient, LoadedBundle)


def test_nothing_heavy_is_imported_before_it_is_asked_for():
    code = "import sys, tfx_recommenders; print({'tensorflow', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        tfx_recommenders.Nothing  # noqa: B018
