"""An item's vector as it is indexed, and whether the item's genres and title have a part in it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from components.examples import Catalogue, Floats, Longs, evenly_spread, item_examples
from components.retrieval.catalogue_vectors import embed_items

SAMPLE = 1024
"""Items by which it is told whether content matters."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemVectors:
    """What a retrieval model makes of `n` items of a catalogue.

    Attributes:
      rows: Their catalogue rows, int64 `[n]`, ascending.
      indexed: float32 `[n, D]`, as the index holds them: the inner product with a query is the relevance.
      is_bias: bool `[D]`, the dimensions that hold an item's bias, which is its popularity to begin with.
      told_content: Whether genres and titles have a part in the vectors.
    """

    rows: Longs
    indexed: Floats
    is_bias: npt.NDArray[np.bool_]
    told_content: bool

    def tastes(self, rows: Longs) -> Floats:
        """float32 `[m, D - biases]` of `m` of the rows: without the biases, what the signature `similar` compares."""
        return self.indexed[np.searchsorted(self.rows, rows)][:, ~self.is_bias]


def item_vectors(model: Any, catalogue: Catalogue, rows: Longs, indexed: Floats | None = None) -> ItemVectors:
    """The vectors of some items, and whether their content matters.

    Args:
      model: A loaded `RetrievalExport`, from its own folder or from within a bundle.
      catalogue: All items.
      rows: Of the items that are asked for, ascending.
      indexed: Their vectors, float32 `[n, D]`; None: they are made.
    """
    if indexed is None:
        indexed = embed_items(model, catalogue.as_examples()[rows])
    is_bias = model.direction.numpy() == 0
    return ItemVectors(rows=rows, indexed=indexed, is_bias=is_bias, told_content=_is_told_content(model, catalogue))


def _is_told_content(model: Any, catalogue: Catalogue) -> bool:
    """Whether vectors of items with genres become others when titles, genres and features are withheld."""
    with_genres = np.flatnonzero([bool(genres) for genres in catalogue.genres])
    eligible = with_genres if len(with_genres) else np.arange(len(catalogue))
    rows = eligible[evenly_spread(len(eligible), SAMPLE)]
    told = embed_items(model, catalogue.as_examples()[rows])
    ids_alone = item_examples(catalogue.item_ids[rows], [b""] * len(rows), [[]] * len(rows))
    return not np.array_equal(told, embed_items(model, ids_alone))
