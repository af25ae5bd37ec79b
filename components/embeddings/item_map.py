"""`map.json`: the items with the most rows as points of a plane, each with its nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.embeddings.config import EmbeddingsConfig
from components.embeddings.item_vectors import ItemVectors
from components.embeddings.neighbours import nearest, of_length_one
from components.embeddings.projection import method_for, project
from components.examples import Catalogue, Longs

DIGITS = 4
"""Digits of a coordinate: far more than an eye tells apart, and a third of the file that all would need."""


def drawn_rows(counts: Longs, config: EmbeddingsConfig) -> Longs:
    """Catalogue rows of the items on the map, the most rows first; arguments as of `item_map`."""
    return np.argsort(-counts, kind="stable")[: config.map_items]


def item_map(vectors: ItemVectors, counts: Longs, catalogue: Catalogue, config: EmbeddingsConfig) -> dict[str, Any]:
    """The content of `map.json`.

    The vectors are those that `similar` compares, divided by their lengths: distance on the map stands for the angle.

    Args:
      vectors: Of `drawn_rows` at least.
      counts: Rows of each item, int64 `[N]`.
      catalogue: All `N` items.
      config: Settings.

    Returns:
      `method` (the one that was used), `catalogue` (items in all) and `items`: a list, the most rows first
      (equal ones in catalogue order), each with `item_id`, `title`, `genres`, `x`, `y`, `rows` and `neighbours`, the
      ids of the items *on the map* whose vectors have the largest cosine, nearest first.

    Raises:
      InputError: UMAP without its package.
    """
    chosen = drawn_rows(counts, config)
    tastes = of_length_one(vectors.tastes(chosen))
    points = project(tastes, config.map, perplexity=config.perplexity, seed=config.seed)
    ids = [catalogue.item_ids[row].decode() for row in chosen]
    near = nearest(tastes, config.neighbours)
    return {
        "method": method_for(config.map, len(chosen)),
        "catalogue": len(catalogue),
        "items": [
            {
                "item_id": ids[position],
                "title": catalogue.titles[row].decode(),
                "genres": [genre.decode() for genre in catalogue.genres[row]],
                "x": round(float(points[position, 0]), DIGITS),
                "y": round(float(points[position, 1]), DIGITS),
                "rows": int(counts[row]),
                "neighbours": [ids[other] for other in near[position]],
            }
            for position, row in enumerate(chosen)
        ],
    }
