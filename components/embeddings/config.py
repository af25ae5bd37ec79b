"""Settings of the look at the items' vectors."""

from __future__ import annotations

import dataclasses

from components.settings import require, require_seed

TSNE, UMAP, PCA = METHODS = ("tsne", "umap", "pca")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingsConfig:
    """What is drawn and classified from the items' vectors, beside the flow: no model depends on it.

    Attributes:
      map: How vectors become a map: `tsne` (neighbourhoods), `umap` (the same, with the package umap-learn) or
        `pca` (the two directions in which the vectors differ most).
      map_items: Most items on the map, those with the most training rows; t-SNE's time grows with them.
      perplexity: About how many neighbours t-SNE keeps together; fewer on a map of few items.
      neighbours: Nearest items that the map lists of each.
      dimensions: Of the vectors that the genre classifier sees; fewer where there are fewer users or items.
      genre_items: Most items that it is trained and tested on, those with the most training rows.
      genre_rows: Training rows that such an item has at least.
      genre_least: A genre of fewer items, or missing from fewer, is left out.
      folds: Parts of the items, each of which is predicted once from the others.
      regularization: Inverse strength of the classifier's L2 penalty, on standardised vectors (scikit-learn's C).
      seed: Of the map and of the folds.
    """

    map: str = TSNE
    map_items: int = 1_500
    perplexity: float = 30.0
    neighbours: int = 10
    dimensions: int = 64
    genre_items: int = 5_000
    genre_rows: int = 5
    genre_least: int = 20
    folds: int = 5
    regularization: float = 0.01
    seed: int = 1

    def __post_init__(self) -> None:
        require(self.map in METHODS, "embeddings.map", "one of " + ", ".join(METHODS), self.map)
        require(self.perplexity > 0, "embeddings.perplexity", "above 0", self.perplexity)
        require(self.regularization > 0, "embeddings.regularization", "above 0", self.regularization)
        require(self.folds >= 2, "embeddings.folds", "2 or more", self.folds)
        require_seed(self.seed, "embeddings.seed")
        require(
            self.genre_least >= self.folds,
            "embeddings.genre_least",
            f"at least embeddings.folds ({self.folds}), so that every part has an item of the genre",
            self.genre_least,
        )
        for name in ("map_items", "neighbours", "dimensions", "genre_items", "genre_rows"):
            require(getattr(self, name) >= 1, f"embeddings.{name}", "1 or more", getattr(self, name))
