"""How the tests are dealt out to parallel workers (`make test` starts two)."""

from __future__ import annotations

import pytest

import components  # noqa: F401 - before TensorFlow, whose Keras it chooses
from tests.chromium import browser  # noqa: F401 - a fixture for every test

SHARED = ("first_run", "model_server")
"""Fixtures of a whole pipeline run and of a server: their tests stay on one worker, or each would start its own."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps a file's tests together, and starts with the longest: those that run whole pipelines."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        shared = next((fixture for fixture in SHARED if fixture in names), None)
        item.add_marker(pytest.mark.xdist_group(shared or str(item.path)))
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)
