"""The candidate vectors of a whole catalogue, from a retrieval model or from a bundle that holds one."""

from __future__ import annotations

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
      catalogue: All `N` items.
    """
    return embed_items(model, catalogue.as_examples())


def embed_items(model: Any, examples: Strings) -> Floats:
    """Candidate vectors float32 `[N, D]` of items, known or new.

    Args:
      model: A loaded `RetrievalExport`.
      examples: Serialized Examples `[N]`: an unknown id has the vector of all rare items in the place of its own.
    """
    parts = [
        model.embed_candidates(tf.constant(list(examples[start : start + BATCH]), tf.string))[EMBEDDING].numpy()
        for start in range(0, len(examples), BATCH)
    ]
    return np.concatenate(parts)
