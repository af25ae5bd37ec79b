"""EmbeddingMap: a retrieval model and its catalogue in, a map of the items and a table of genres out."""

import json
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components import artifacts, progress
from components.embeddings.config import EmbeddingsConfig
from components.embeddings.genre_report import COLLABORATIVE, classified_rows, genre_report
from components.embeddings.item_map import drawn_rows, item_map
from components.embeddings.item_vectors import item_vectors
from components.embeddings.projection import require_method
from components.example_artifacts import catalogue_of, fitted_parts, sequences_of
from components.settings import from_json

# No `from __future__ import annotations`: TFX reads the types themselves.


@component
def EmbeddingMap(
    model: InputArtifact[standard_artifacts.Model],
    items: InputArtifact[standard_artifacts.Examples],
    sequences: InputArtifact[standard_artifacts.Examples],
    config: Parameter[str],
    embeddings: OutputArtifact[standard_artifacts.ModelEvaluation],
) -> None:
    """Draws the items' vectors, and asks what they tell about genres.

    Args:
      model: The retrieval model.
      items: The entities.
      sequences: Every row of every user; those that the models were fit on are read.
      config: An EmbeddingsConfig as JSON.
      embeddings: Output: `map.json` and `genres.json`.
    """
    settings = from_json(EmbeddingsConfig, config)
    require_method(settings.map)  # before the work
    catalogue = catalogue_of(items)
    lists = sequences_of(sequences, catalogue.item_ids, fitted_parts(sequences)).items
    counts = np.bincount(lists.rows[lists.rows >= 0], minlength=len(catalogue))
    loaded = tf.saved_model.load(path_utils.serving_model_path(model.uri))
    rows = np.union1d(drawn_rows(counts, settings), classified_rows(counts, catalogue, settings))
    vectors = item_vectors(loaded, catalogue, rows)
    drawn = item_map(vectors, counts, catalogue, settings)
    genres = genre_report(vectors, lists, counts, catalogue, settings)
    _write(f"{embeddings.uri}/{artifacts.ITEM_MAP}", drawn)
    _write(f"{embeddings.uri}/{artifacts.GENRE_REPORT}", genres)
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
