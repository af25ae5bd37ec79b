"""The vectors that a bundle carries, of its items and of the users it knows, from the bundle alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from components.bundle.stock import catalogue_of, lists_of, parts_of, read_parts
from components.embeddings.item_vectors import ItemVectors, item_vectors
from components.errors import InputError
from components.examples import Catalogue, Floats, Longs, RaggedRows, Strings
from serving import contract

TRAINING_ROWS = "training_rows"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BundleEmbeddings:
    """What a bundle holds of `N` items and `U` users.

    Attributes:
      catalogue: All items.
      vectors: Theirs.
      rows: Training rows of each item, int64 `[N]`.
      user_ids: bytes `[U]`.
      lists: Catalogue rows that the bundle knows of each user; with test rows where it answers with them.
      queries: float32 `[U, D]`, of these histories.
    """

    catalogue: Catalogue
    vectors: ItemVectors
    rows: Longs
    user_ids: Strings
    lists: RaggedRows
    queries: Floats


def read_embeddings(model: Path) -> BundleEmbeddings:
    """Reads the vectors of a bundle.

    Args:
      model: A version's folder.

    Raises:
      InputError: `model` is no bundle of this version of the project.
    """
    parts = read_parts(model)
    if TRAINING_ROWS not in parts.facts:
        raise InputError(
            f"{model} does not say how many rows its items were trained on",
            expected=f"a bundle whose {contract.BUNDLE_FILE} has `{TRAINING_ROWS}`",
            received="one of an earlier version of this project",
            action="make the bundle anew: recommender run",
        )
    loaded = parts.loaded
    catalogue, table = catalogue_of(loaded), parts_of(loaded.users)
    indexed = loaded.index.exact.candidates.numpy().T[: len(catalogue)]
    shares = loaded.first_stage.popularity.numpy()[: len(catalogue)].astype(np.float64)
    return BundleEmbeddings(
        catalogue=catalogue,
        vectors=item_vectors(loaded.retrieval, catalogue, np.arange(len(catalogue)), indexed),
        rows=np.rint(shares * parts.facts[TRAINING_ROWS]).astype(np.int64),
        user_ids=parts.user_ids,
        lists=lists_of(table),
        queries=table["queries"][: len(parts.user_ids)],
    )
