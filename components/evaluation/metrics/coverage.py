"""Catalogue coverage: how much of the catalogue is recommended to anybody at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from components.evaluation.metrics.lists import ids
from components.evaluation.metrics.row_value import computation
from serving.contract import MOVIE_IDS


class Coverage(tfma.metrics.Metric):  # type: ignore[misc]
    """Share of the catalogue's movies that are among the first k of at least one user's list.

    `coverage@k = |∪_u first k of list(u)| / catalogue_size`, from 0 to 1 for the whole data (in a
    slice only the slice's users recommend, so it grows with their number and says little). Order
    and ties play no part. The users are those with held-out movies; without any the value is NaN.
    Seen movies are not in the lists and count in the denominator.

    Args:
      cut_off: k.
      catalogue_size: Movies in the catalogue; 0 while it is not known, which gives NaN.
      of: Output that is judged.
      name: Name in the results.
    """

    def __init__(self, cut_off: int, catalogue_size: int = 0, of: str = MOVIE_IDS, name: str | None = None) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name or f"coverage_at_{cut_off}",
            cut_off=cut_off,
            catalogue_size=catalogue_size,
            of=of,
        )


class _DistinctMovies(beam.CombineFn):  # type: ignore[misc]
    def __init__(self, key: Any, catalogue_size: int) -> None:
        self._key = key
        self._catalogue_size = catalogue_size

    def create_accumulator(self) -> set[bytes]:
        return set()

    def add_input(self, accumulator: set[bytes], movie_ids: list[bytes]) -> set[bytes]:
        accumulator.update(movie_ids)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[set[bytes]]) -> set[bytes]:
        return set().union(*accumulators)

    def extract_output(self, accumulator: set[bytes]) -> dict[Any, float]:
        known = accumulator and self._catalogue_size
        return {self._key: len(accumulator) / self._catalogue_size if known else float("nan")}


@dataclasses.dataclass(frozen=True)
class _FirstMovies:
    cut_off: int
    of: str
    model_name: str
    output_name: str

    def __call__(self, inputs: Any) -> list[bytes] | None:
        if not ids(inputs.get_labels(self.model_name, self.output_name)):
            return None
        return ids(inputs.get_predictions(self.model_name)[self.of])[: self.cut_off]


def _computations(
    name: str, cut_off: int, catalogue_size: int, of: str, model_name: str = "", output_name: str = ""
) -> list[Any]:
    key = tfma.metrics.MetricKey(name=name, model_name=model_name, output_name=output_name)
    return computation(key, _FirstMovies(cut_off, of, model_name, output_name), _DistinctMovies(key, catalogue_size))
