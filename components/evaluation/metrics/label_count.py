"""How many rows a figure rests on: users for the lists, rows for the ratings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from components.evaluation.metrics.row_value import computation


class LabelCount(tfma.metrics.Metric):  # type: ignore[misc]
    """Number of rows whose label is not empty; 0 without any.

    For the output `movie_ids` that is the number of users with held-out movies, for
    `predicted_rating` the number of rows with a rating.

    Args:
      name: Name in the results.
    """

    def __init__(self, name: str = "rows") -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


class _Sum(beam.CombineFn):  # type: ignore[misc]
    def __init__(self, key: Any) -> None:
        self._key = key

    def create_accumulator(self) -> int:
        return 0

    def add_input(self, accumulator: int, rows: int) -> int:
        return accumulator + rows

    def merge_accumulators(self, accumulators: Iterable[int]) -> int:
        return sum(accumulators)

    def extract_output(self, accumulator: int) -> dict[Any, float]:
        return {self._key: float(accumulator)}


@dataclasses.dataclass(frozen=True)
class _OneWithLabel:
    model_name: str
    output_name: str

    def __call__(self, inputs: Any) -> int | None:
        label = inputs.get_labels(self.model_name, self.output_name)
        label = getattr(label, "values", label)
        return 1 if label is not None and label.size else None


def _computations(name: str, model_name: str = "", output_name: str = "") -> list[Any]:
    key = tfma.metrics.MetricKey(name=name, model_name=model_name, output_name=output_name)
    return computation(key, _OneWithLabel(model_name, output_name), _Sum(key))
