"""How the tests are dealt out to parallel workers (`make test` starts two)."""

from __future__ import annotations

import pytest

SHARED_RUN = "first_run"
"""The fixture of a whole pipeline run: its tests stay on one worker, or each would run the pipeline anew."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps a file's tests together, and starts with the longest: those that run whole pipelines."""
    for item in items:
        shared = SHARED_RUN in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group(SHARED_RUN if shared else str(item.path)))
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)
