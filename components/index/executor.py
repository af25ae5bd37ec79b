"""Embeds the whole catalogue, builds the index, measures it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.types import Artifact
from tfx.utils import path_utils

from components import artifacts
from components.example_artifacts import catalogue_of, liked_from, sequences_of
from components.examples import Floats
from components.index.choice import Chosen, IndexReport, build
from components.index.config import IndexConfig
from components.index.export import save_index
from components.retrieval.catalogue_vectors import embed_catalogue
from components.retrieval.exact_search import last_rows
from components.retrieval.export import EMBEDDING

BATCH = 1024


def index_catalogue(
    config: IndexConfig,
    model: Artifact,
    items: Artifact,
    sequences: Artifact,
    parts: Collection[int],
    index: Artifact,
    earlier: Chosen | None = None,
) -> None:
    """Embeds all items by the model's own function, so that index size = catalogue size.

    Args:
      config: Settings.
      model: A retrieval model.
      items: The entities.
      sequences: Rows of the users, whose queries measure recall.
      parts: Of the rows, those that the model learned from.
      index: Where the index and its report go.
      earlier: What was chosen for the model of which this one is the successor.
    """
    loaded = tf.saved_model.load(path_utils.serving_model_path(model.uri))
    catalogue = catalogue_of(items)
    candidates = embed_catalogue(loaded, catalogue)
    if len(candidates) != len(catalogue):
        raise RuntimeError(f"{len(candidates)} candidates for a catalogue of {len(catalogue)} items")
    rows = sequences_of(sequences, catalogue.item_ids, parts).liked(liked_from(sequences))
    chosen = np.linspace(0, len(rows.user_ids) - 1, min(config.queries, len(rows.user_ids)))
    users = np.unique(chosen.astype(np.int64))
    queries = embed_queries(loaded, last_rows(rows.items, users, int(loaded.history_length)))
    built, report = build(config, candidates, queries, earlier)
    save_index(built, candidates, path_utils.serving_model_dir(index.uri))
    _write_report(report, index.uri)


def embed_queries(model: Any, histories: Any) -> Floats:
    """Queries float32 `[Q, D]` of histories int32 `[Q, H]`; what is known of users by features has no part in them."""
    queries = []
    for start in range(0, len(histories), BATCH):
        part = tf.constant(histories[start : start + BATCH])
        nothing = tf.zeros([len(part), 0])
        queries.append(model.embed_query(part, tf.cast(nothing, tf.int32), nothing)[EMBEDDING].numpy())
    return np.concatenate(queries)


def _write_report(report: IndexReport, uri: str) -> None:
    with tf.io.gfile.GFile(f"{uri}/{artifacts.INDEX_REPORT}", "w") as file:
        file.write(json.dumps(dataclasses.asdict(report), indent=1))
