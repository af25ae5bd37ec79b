"""Executor of EmbeddingMap: a retrieval model and its catalogue in, a map and a table of genres out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils
from tfx.utils import path_utils

from components import artifacts, progress
from components.embeddings.config import EmbeddingsConfig
from components.embeddings.genre_report import COLLABORATIVE, genre_report
from components.embeddings.item_map import item_map
from components.embeddings.item_vectors import item_vectors
from components.embeddings.projection import require_method
from components.example_artifacts import catalogue_of, fitted_parts, sequences_of
from components.retrieval.catalogue_vectors import embed_catalogue
from components.settings import from_json

MODEL, ITEMS, SEQUENCES = "model", "items", "sequences"
EMBEDDINGS = "embeddings"
CONFIG = "config"

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Draws the items' vectors, and asks what they tell about genres."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Reads model, catalogue and sequences, and writes `map.json` and `genres.json`."""
        config = from_json(EmbeddingsConfig, exec_properties[CONFIG])
        require_method(config.map)  # before the work
        catalogue = catalogue_of(input_dict[ITEMS])
        parts = fitted_parts(input_dict[SEQUENCES])
        lists = sequences_of(input_dict[SEQUENCES], catalogue.item_ids, parts).items
        counts = np.bincount(lists.rows[lists.rows >= 0], minlength=len(catalogue))
        uri = artifact_utils.get_single_uri(input_dict[MODEL])
        model = tf.saved_model.load(path_utils.serving_model_path(uri))
        vectors = item_vectors(model, catalogue, embed_catalogue(model, catalogue))
        drawn = item_map(vectors, counts, catalogue, config)
        genres = genre_report(vectors, lists, counts, catalogue, config)
        folder = artifact_utils.get_single_uri(output_dict[EMBEDDINGS])
        _write(f"{folder}/{artifacts.ITEM_MAP}", drawn)
        _write(f"{folder}/{artifacts.GENRE_REPORT}", genres)
        progress.report("%s", summary_line(drawn, genres))


def summary_line(drawn: dict[str, Any], genres: dict[str, Any]) -> str:
    """What was found, in a line."""
    line = f"a map of {len(drawn['items']):,} items"
    macro = genres["macro"]
    if macro is None:
        return f"{line}; too few items of any genre to learn one"
    learned = len(genres["genres"])
    source = "who had what" if genres["vectors"] == COLLABORATIVE else "the model's vectors"
    return f"{line}; {learned} genres told from {source}: mean AUC {macro['auc']:.3f} (chance .5)"


def _write(path: str, content: dict[str, Any]) -> None:
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
