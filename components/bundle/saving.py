"""Writes a bundle: the SavedModel with its signatures, and JSON files beside it."""

from __future__ import annotations

import json
from typing import Any

import tensorflow as tf

from components.bundle.recommender import Recommender
from components.index.scann_index import NAMESPACE
from serving import contract

SIGNATURES = (
    contract.SERVING_DEFAULT,
    contract.RECOMMEND,
    contract.RETRIEVE,
    contract.RANK,
    contract.SIMILAR,
    contract.HISTORY,
    contract.EXPLAIN,
    contract.EVALUATE,
)


def save(module: Recommender, folder: str) -> None:
    """Writes the bundle with its signatures."""
    tf.saved_model.save(
        module,
        folder,
        signatures={name: getattr(module, name) for name in SIGNATURES},
        options=tf.saved_model.SaveOptions(namespace_whitelist=[NAMESPACE]),
    )


def write_json(folder: str, name: str, content: dict[str, Any]) -> None:
    """Writes one of the extra assets of the bundle in `folder`."""
    write_bytes(folder, name, json.dumps(content, ensure_ascii=False, sort_keys=True).encode())


def write_bytes(folder: str, name: str, content: bytes) -> None:
    """The same of any kind of file."""
    extra = f"{folder}/{contract.EXTRA_ASSETS}"
    tf.io.gfile.makedirs(extra)
    with tf.io.gfile.GFile(f"{extra}/{name}", "wb") as file:
        file.write(content)
