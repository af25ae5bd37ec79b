"""Vectors as Parquet: the table of the items and the table of the users.

The inner product of a user's vector with an item's is the relevance that the bundle answers with.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from components.embeddings.from_bundle import BundleEmbeddings
from components.embeddings.texts import positions_of_text, shown
from components.examples import Floats

BIAS_DIMENSIONS = b"bias_dimensions"
"""Key of the tables' metadata: a JSON list of the positions that hold an item's bias, and 1 in a user's vector."""


def item_table(embeddings: BundleEmbeddings) -> Any:
    """One row an item, in catalogue order.

    Returns:
      An Arrow table: `item_id` and `title` (string), `genres` (list of string), `rows` (int64, training rows),
      `vector` (float32, of fixed length). Items whose id is not UTF-8 are left out.
    """
    catalogue, chosen = embeddings.catalogue, positions_of_text(embeddings.catalogue.item_ids)
    columns = {
        "item_id": pa.array([catalogue.item_ids[row].decode() for row in chosen], pa.string()),
        "title": pa.array([shown(catalogue.titles[row]) for row in chosen], pa.string()),
        "genres": pa.array(
            [[shown(genre) for genre in catalogue.genres[row]] for row in chosen], pa.list_(pa.string())
        ),
        "rows": pa.array(embeddings.rows[chosen], pa.int64()),
        "vector": _vectors(embeddings.vectors.indexed[chosen]),
    }
    return pa.table(columns).replace_schema_metadata(_metadata(embeddings))


def user_table(embeddings: BundleEmbeddings) -> Any:
    """One row a user, in the bundle's order.

    Returns:
      An Arrow table: `user_id` (string), `interactions` (int64, known of the user) and `vector` (float32, of fixed
      length), the query that the user's history makes. Users whose id is not UTF-8 are left out.
    """
    chosen = positions_of_text(embeddings.user_ids)
    columns = {
        "user_id": pa.array([embeddings.user_ids[user].decode() for user in chosen], pa.string()),
        "interactions": pa.array(np.diff(embeddings.lists.row_splits)[chosen], pa.int64()),
        "vector": _vectors(embeddings.queries[chosen]),
    }
    return pa.table(columns).replace_schema_metadata(_metadata(embeddings))


def _vectors(vectors: Floats) -> Any:
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).ravel(), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def _metadata(embeddings: BundleEmbeddings) -> dict[bytes, bytes]:
    positions = np.flatnonzero(embeddings.vectors.is_bias).tolist()
    return {BIAS_DIMENSIONS: json.dumps(positions).encode()}
