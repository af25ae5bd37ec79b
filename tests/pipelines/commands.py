"""Runs the command line inside the test's process."""

from __future__ import annotations

import pytest

from pipelines.cli import main


def exit_code(*arguments: str) -> int:
    """The exit code of `recommender ARGUMENTS`."""
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    return int(ended.value.code or 0)
