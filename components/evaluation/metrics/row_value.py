"""Computes what a metric needs of a row once, before TFMA deals the row to its slices.

A combiner that took whole rows would meet both lists of a user again in every slice, and Beam would
carry them there. A preprocessor leaves a number or two; a row that has none costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types


class RowValue(metric_types.Preprocessor):  # type: ignore[misc]
    """Hands a function of the row to the combiner, and nothing where that is None.

    Args:
      value: Takes TFMA's extracts of a row (labels and predictions by model and output).
    """

    def __init__(self, value: Callable[[Any], Any]) -> None:
        super().__init__(name=type(value).__name__)
        self._value = value

    def process(self, extracts: Any) -> Iterable[Any]:
        value = self._value(metric_types.StandardMetricInputs(extracts))
        return () if value is None else (value,)


def computation(key: Any, value: Callable[[Any], Any], combiner: beam.CombineFn) -> list[Any]:
    """TFMA's computation of one metric from one value a row."""
    return [tfma.metrics.MetricComputation(keys=[key], preprocessors=[RowValue(value)], combiner=combiner)]
