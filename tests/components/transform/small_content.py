"""The standard features of a few items without Beam: genres, year and words of the title, given as indices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.feature_specs import ITEM, FeaturesConfig, FeatureSpec, of
from components.ragged import Lists
from components.transform.content import Content, create_content
from components.transform.graph import EntityFeatures
from components.transform.preprocessing import ERAS

SPECS = FeaturesConfig().specs()


def lists(values: Sequence[Sequence[int]]) -> Lists:
    flat = [value for one in values for value in one]
    splits = np.cumsum([0, *map(len, values)]).astype(np.int64)
    return Lists(values=np.array(flat, np.int64), row_splits=splits)


def standard_features(
    index: Sequence[int],
    *,
    genres: Sequence[Sequence[int]],
    eras: Sequence[int] | None = None,
    words: Sequence[Sequence[int]] | None = None,
) -> EntityFeatures:
    """Features of items; without eras or words they have none."""
    nothing: list[list[int]] = [[] for _ in index]
    return EntityFeatures(
        index=np.array(index, np.int64),
        values={
            "genres": lists(genres),
            "year": lists([[era] for era in eras] if eras is not None else nothing),
            "title": lists(words if words is not None else nothing),
        },
    )


class SmallGraph:
    """Stands for the transform graph: numbers of known users, items, genres and words."""

    specs = SPECS

    def __init__(self, *, users: int = 0, items: int = 0, genres: int = 0, words: int = 0) -> None:
        self.users, self.items = users, items
        self._sizes = {"genres": genres, "title": words, "year": ERAS}

    def size(self, spec: FeatureSpec) -> int:
        return self._sizes[spec.name]


def standard_content(features: EntityFeatures, *, genres: int, words: int = 0) -> Content:
    """The content of the features, of so many known genres and words."""
    graph = SmallGraph(genres=genres, words=words)
    return create_content(graph, of(SPECS, ITEM), features)  # type: ignore[arg-type]
