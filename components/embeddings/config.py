"""Settings of the look at the items' vectors."""

from __future__ import annotations

from typing import Annotated

from components.settings import Count, Positive, Seed, at_least, one_of, require, settings

TSNE, UMAP, PCA = METHODS = ("tsne", "umap", "pca")


@settings("embeddings")
class EmbeddingsConfig:
    """What is drawn and classified from the items' vectors, beside the flow: no model depends on it.

    Attributes:
      map: How vectors become a map: `tsne` (neighbourhoods), `umap` (the same, with the package umap-learn) or
        `pca` (the two directions in which the vectors differ most).
      map_items: Maximum number of items on the map, those with the most training rows; t-SNE's time grows with it.
      perplexity: About how many neighbours t-SNE keeps together; fewer on a map of few items.
      neighbours: How many nearest items the map lists for each item.
      dimensions: Dimensions of the vectors that the genre classifier sees; fewer if there are fewer users or items.
      genre_items: Maximum number of items that it is trained and tested on, those with the most training rows.
      genre_rows: Minimum number of training rows of such an item.
      genre_least: A genre that fewer items have, or that fewer items lack, is left out.
      folds: Number of parts that the items are split into; each is predicted once from the others.
      regularization: Inverse strength of the classifier's L2 penalty, on standardised vectors (scikit-learn's C).
      seed: Seed of the map and of the folds.
    """

    map: Annotated[str, one_of(*METHODS)] = TSNE
    map_items: Count = 1_500
    perplexity: Positive = 30.0
    neighbours: Count = 10
    dimensions: Count = 64
    genre_items: Count = 5_000
    genre_rows: Count = 5
    genre_least: Count = 20
    folds: Annotated[int, at_least(2)] = 5
    regularization: Positive = 0.01
    seed: Seed = 1

    def __post_init__(self) -> None:
        require(
            self.genre_least >= self.folds,
            "embeddings.genre_least",
            f"at least embeddings.folds ({self.folds}), so that every part has an item of the genre",
            self.genre_least,
        )
