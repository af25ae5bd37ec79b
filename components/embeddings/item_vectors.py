"""An item's vector as it is indexed, and whether the item's genres and title have a part in it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from components.examples import Catalogue, Floats, item_examples
from components.retrieval.catalogue_vectors import embed_items


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemVectors:
    """What a retrieval model makes of the `N` items of a catalogue.

    Attributes:
      indexed: float32 `[N, D]`, as the index holds them: the inner product with a query is the relevance.
      is_bias: bool `[D]`, the dimensions that hold an item's bias, which is its popularity to begin with.
      told_content: Whether genres and titles have a part in the vectors.
    """

    indexed: Floats
    is_bias: npt.NDArray[np.bool_]
    told_content: bool

    @property
    def tastes(self) -> Floats:
        """float32 `[N, D - biases]`: without the biases, what the signature `similar` compares."""
        return self.indexed[:, ~self.is_bias]


def item_vectors(model: Any, catalogue: Catalogue, indexed: Floats) -> ItemVectors:
    """Embeds a catalogue as it is, and once more with titles and genres withheld, which shows whether they matter.

    Args:
      model: A loaded `RetrievalExport`, from its own folder or from within a bundle.
      catalogue: All items.
      indexed: Their vectors, float32 `[N, D]`.
    """
    items = len(catalogue)
    from_ids_alone = embed_items(model, item_examples(catalogue.item_ids, [b""] * items, [[]] * items))
    return ItemVectors(
        indexed=indexed,
        is_bias=model.direction.numpy() == 0,
        told_content=not np.array_equal(indexed, from_ids_alone),
    )
