"""Vectors as Parquet: the table of the items and the table of the users.

The inner product of a user's vector with an item's is the relevance that the bundle answers with.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from components.embeddings.from_bundle import BundleEmbeddings
from components.examples import Floats

BIAS_DIMENSIONS = b"bias_dimensions"
"""Key of the tables' metadata: a JSON list of the positions that hold an item's bias, and 1 in a user's vector."""


def item_table(embeddings: BundleEmbeddings) -> Any:
    """One row an item, in catalogue order.

    Returns:
      An Arrow table: `item_id` and `title` (string), `genres` (list of string), `rows` (int64, training rows),
      `vector` (float32, of fixed length).
    """
    catalogue = embeddings.catalogue
    columns = {
        "item_id": pa.array([item.decode() for item in catalogue.item_ids], pa.string()),
        "title": pa.array([title.decode() for title in catalogue.titles], pa.string()),
        "genres": pa.array(
            [[genre.decode() for genre in genres] for genres in catalogue.genres], pa.list_(pa.string())
        ),
        "rows": pa.array(embeddings.rows, pa.int64()),
        "vector": _vectors(embeddings.vectors.indexed),
    }
    return pa.table(columns).replace_schema_metadata(_metadata(embeddings))


def user_table(embeddings: BundleEmbeddings) -> Any:
    """One row a user, in the bundle's order.

    Returns:
      An Arrow table: `user_id` (string), `interactions` (int64, known of the user) and `vector` (float32, of fixed
      length), the query that the user's history makes.
    """
    columns = {
        "user_id": pa.array([user.decode() for user in embeddings.user_ids], pa.string()),
        "interactions": pa.array(np.diff(embeddings.lists.row_splits), pa.int64()),
        "vector": _vectors(embeddings.queries),
    }
    return pa.table(columns).replace_schema_metadata(_metadata(embeddings))


def _vectors(vectors: Floats) -> Any:
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).ravel(), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def _metadata(embeddings: BundleEmbeddings) -> dict[bytes, bytes]:
    positions = np.flatnonzero(embeddings.vectors.is_bias).tolist()
    return {BIAS_DIMENSIONS: json.dumps(positions).encode()}
