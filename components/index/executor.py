"""Executor of the CandidateIndexer: embeds the whole catalogue, builds the index, measures it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components import artifacts
from components.example_artifacts import catalogue_of, fitted_parts, liked_from, sequences_of
from components.examples import Floats
from components.index.choice import IndexReport, build
from components.index.config import IndexConfig
from components.index.export import save_index
from components.retrieval.catalogue_vectors import embed_catalogue
from components.retrieval.exact_search import last_rows
from components.retrieval.export import EMBEDDING
from components.settings import from_json

MODEL_KEY = "model"
ITEMS_KEY = "items"
SEQUENCES_KEY = "sequences"
INDEX_KEY = "index"
CONFIG_KEY = "config"
PARTS_KEY = "parts"  # of the rows that the model learned from, where they are not those that the artifact tells
BATCH = 1024


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Builds the candidate index of a retrieval model."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Embeds all items by the model's own function, so that index size = catalogue size."""
        config = from_json(IndexConfig, exec_properties[CONFIG_KEY])
        model_artifact = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        model = tf.saved_model.load(path_utils.serving_model_path(model_artifact.uri))
        catalogue = catalogue_of(input_dict[ITEMS_KEY])
        candidates = embed_catalogue(model, catalogue)
        if len(candidates) != len(catalogue):
            raise RuntimeError(f"{len(candidates)} candidates for a catalogue of {len(catalogue)} items")
        parts = exec_properties.get(PARTS_KEY) or fitted_parts(input_dict[SEQUENCES_KEY])
        sequences = sequences_of(input_dict[SEQUENCES_KEY], catalogue.item_ids, parts)
        sequences = sequences.liked(liked_from(input_dict[SEQUENCES_KEY]))
        chosen = np.linspace(0, len(sequences.user_ids) - 1, min(config.queries, len(sequences.user_ids)))
        users = np.unique(chosen.astype(np.int64))
        queries = embed_queries(model, last_rows(sequences.items, users, int(model.history_length)))
        index, report = build(config, candidates, queries)
        output = artifact_utils.get_single_instance(output_dict[INDEX_KEY])
        save_index(index, candidates, path_utils.serving_model_dir(output.uri))
        _write_report(report, output.uri)


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
