"""The candidate vectors of a whole catalogue, from a retrieval model or from a bundle that holds one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Catalogue, Floats, Strings
from components.retrieval.export import EMBEDDING

BATCH = 1024


def embed_catalogue(model: Any, catalogue: Catalogue) -> Floats:
    """Candidate vectors float32 `[N, D]` of the whole catalogue, in its order.

    Args:
      model: A loaded `RetrievalExport`.
      catalogue: All `N` movies.
    """
    return embed_movies(model, catalogue.movie_ids, catalogue.titles, catalogue.genres)


def embed_movies(
    model: Any, movie_ids: Strings, titles: Strings | Sequence[bytes], genres: Sequence[Sequence[bytes]]
) -> Floats:
    """Candidate vectors float32 `[N, D]` of movies, known or new.

    Args:
      model: A loaded `RetrievalExport`.
      movie_ids: bytes `[N]`; an unknown one has the vector of all rare movies in the place of its own.
      titles: UTF-8 bytes `[N]`; "" has neither year nor words.
      genres: UTF-8 bytes, one list a movie.
    """
    parts = []
    for start in range(0, len(movie_ids), BATCH):
        part = slice(start, start + BATCH)
        lists = tf.ragged.constant([list(one) for one in genres[part]], dtype=tf.string, ragged_rank=1)
        found = model.embed_candidates(
            tf.constant(list(movie_ids[part]), tf.string),
            tf.constant(list(titles[part]), tf.string),
            lists.to_tensor(""),
        )
        parts.append(found[EMBEDDING].numpy())
    return np.concatenate(parts)
