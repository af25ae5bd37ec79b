"""The settings that a training ended up with, for the one on all rows that follows it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.settings import to_json
from components.storage import storage_for

SETTINGS_FILE = "settings.json"


def write_settings(config: Any, model_run_dir: str) -> None:
    """Writes a configuration, a dataclass, into a trainer's `model_run`."""
    tf.io.gfile.makedirs(model_run_dir)
    with tf.io.gfile.GFile(f"{model_run_dir.rstrip('/')}/{SETTINGS_FILE}", "w") as file:
        file.write(to_json(config) + "\n")


def read_settings(model_run_dir: str) -> str:
    """What `write_settings` wrote: the configuration as JSON."""
    path = f"{model_run_dir.rstrip('/')}/{SETTINGS_FILE}"
    return b"".join(storage_for(path).read(path)).decode()
