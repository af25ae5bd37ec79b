"""Catalogue coverage: how much of the catalogue is recommended to anybody at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluation import metric_names as names
from components.evaluation.metrics.rows import Models, Row, ids
from components.evaluation.metrics.user_sums import Figures, computation, keyed
from components.features import ITEM_KNN_MOVIE_IDS, POPULAR_MOVIE_IDS
from serving.contract import MOVIE_IDS

Movies = tuple[list[bytes], ...]
"""The first k movies of each list of a row."""

Seen = tuple[set[bytes], ...]
"""Movies that each list has shown to anybody."""


class Coverage(tfma.metrics.Metric):  # type: ignore[misc]
    """Share of the catalogue's movies that are among the first k of at least one user's list.

    `coverage@k = |∪_u first k of list(u)| / catalogue_size`, from 0 to 1 for the whole data (in a
    slice only the slice's users recommend, so it grows with their number and says little). Order
    and ties play no part. The users are those with held-out movies; without any the value is NaN.
    Seen movies are not in the lists and count in the denominator.

    Figures: `coverage_at_k` of the judged lists, `baseline_…` of popularity, `item_knn_…`, and of the
    served bundle under the name of TFMA's baseline model.

    Args:
      cut_off: k.
      catalogue_size: Movies in the catalogue; 0 while it is not known, which gives NaN.
      name: Unused in the results, whose names are those above.
    """

    def __init__(self, cut_off: int, catalogue_size: int = 0, name: str = "coverage_figures") -> None:
        super().__init__(_computations, name=name, cut_off=cut_off, catalogue_size=catalogue_size)


class _DistinctMovies(beam.CombineFn):  # type: ignore[misc]
    def __init__(self, lists: int, catalogue_size: int, figures: _Figures) -> None:
        self._lists = lists
        self._catalogue_size = catalogue_size
        self._figures = figures

    def create_accumulator(self) -> Seen:
        return tuple(set() for _ in range(self._lists))

    def add_input(self, accumulator: Seen, movies: Movies) -> Seen:
        for seen, shown in zip(accumulator, movies, strict=True):
            seen.update(shown)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Seen]) -> Seen:
        merged = self.create_accumulator()
        for one in accumulators:
            self.add_input(merged, tuple(map(list, one)))
        return merged

    def extract_output(self, accumulator: Seen) -> Figures:
        known = any(accumulator) and self._catalogue_size
        return self._figures([len(seen) / self._catalogue_size if known else np.nan for seen in accumulator])


@dataclasses.dataclass(frozen=True)
class _FirstMovies:
    cut_off: int
    models: Models

    def __call__(self, extracts: Any) -> Movies | None:
        row = Row(extracts, self.models)
        if not ids(row.label(MOVIE_IDS)):
            return None
        lists = [row.judged(MOVIE_IDS), row.feature(POPULAR_MOVIE_IDS), row.feature(ITEM_KNN_MOVIE_IDS)]
        lists += [row.served(MOVIE_IDS)] if self.models.served is not None else []
        return tuple(ids(one)[: self.cut_off] for one in lists)


@dataclasses.dataclass(frozen=True)
class _Figures:
    cut_off: int
    models: Models
    output: str

    def __call__(self, shares: list[float]) -> Figures:
        name = names.coverage_at(self.cut_off)
        figures = {name: shares[0], names.baseline(name): shares[1], names.of_list(names.ITEM_KNN, name): shares[2]}
        made = keyed(figures, self.models.judged, self.output)
        if self.models.served is not None:
            made.update(keyed({name: shares[-1]}, self.models.served, self.output))
        return made


def _computations(
    name: str,
    cut_off: int,
    catalogue_size: int,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
) -> list[Any]:
    del name
    models = Models.of(model_names or [""])
    lists = 3 + int(models.served is not None)
    figures = _Figures(cut_off, models, (output_names or [""])[0])
    combiner = _DistinctMovies(lists, catalogue_size, figures)
    return computation(figures([np.nan] * lists), _FirstMovies(cut_off, models), combiner)
