"""What must be known of a bundle before a job is started."""

from __future__ import annotations

import json
from typing import Any

from apache_beam.io.filesystems import FileSystems

from components.errors import InputError
from serving.contract import BUNDLE_FILE, EXTRA_ASSETS, SAVED_MODEL_FILE

USERS_OF_A_BLOCK = 1024
"""The size that was measured best (docs/results.md): smaller blocks call the model too often, larger gain nothing."""

SCORES_AT_ONCE = 1 << 26
"""Users of a block times items: where the search is exact, each is a float in memory."""


def read_facts(model: str) -> dict[str, Any]:
    """What `bundle.json` says.

    Raises:
      InputError: There is no bundle.
    """
    base = model.rstrip("/")
    if not FileSystems.exists(f"{base}/{SAVED_MODEL_FILE}"):
        raise InputError(
            f"there is no bundle in {model}",
            expected=f"the folder of a version, with {SAVED_MODEL_FILE} in it",
            received=model,
            action="name a pushed version with --model",
        )
    path = f"{base}/{EXTRA_ASSETS}/{BUNDLE_FILE}"
    if not FileSystems.exists(path):
        return {}
    with FileSystems.open(path) as file:
        return dict(json.loads(file.read()))


def block_users(facts: dict[str, Any]) -> int:
    """Users of a block that suit the bundle."""
    items = int(facts.get("items", 0))
    exact = facts.get("index", {}).get("kind") == "exact"
    return max(16, min(USERS_OF_A_BLOCK, SCORES_AT_ONCE // items)) if exact and items else USERS_OF_A_BLOCK
