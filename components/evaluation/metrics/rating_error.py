"""Error of predicted ratings: RMSE, MSE and MAE, and their ratio to a baseline's.

TFMA's own MeanSquaredError and MeanAbsoluteError count an accumulator twice whenever Beam merges
several (0.47.1), so that their figures change with the runner; these are plain sums.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from components.evaluation.metrics.row_value import computation
from serving.contract import PREDICTED_RATING

KINDS = ("squared", "absolute", "root")

Accumulator = tuple[float, float, int]
"""Sum of the errors, sum of the baseline's errors, number of rows."""


class RatingError(tfma.metrics.Metric):  # type: ignore[misc]
    """Error of the predicted stars over all rows.

    `squared`: `Σ (prediction - rating)² / rows` (MSE) · `root`: its square root (RMSE) ·
    `absolute`: `Σ |prediction - rating| / rows` (MAE). From 0 upwards, in stars (MSE: squared stars).

    Every row with a rating weighs the same, hence users with many held-out rows weigh more; rows of
    movies that the user has rated before count like any other. Rows without a rating are skipped;
    without any row, and with a prediction that is NaN, the value is NaN.

    With `against` the value is the error divided by the other output's error on the same rows:
    below 1 is better than it. NaN where both are 0, infinite where only the other is.

    Args:
      kind: `squared`, `absolute` or `root`.
      of: Output that is judged, float `[]` a row.
      against: Output whose error is the denominator.
      name: Name in the results.
    """

    def __init__(
        self,
        kind: str,
        of: str = PREDICTED_RATING,
        against: str | None = None,
        name: str | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"`kind` should be one of {KINDS}. Received: {kind!r}")
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name or {"squared": "mse", "absolute": "mae", "root": "rmse"}[kind],
            kind=kind,
            of=of,
            against=against,
        )


class _ErrorSums(beam.CombineFn):  # type: ignore[misc]
    def __init__(self, key: Any, root: bool, ratio: bool) -> None:
        self._key = key
        self._root = root
        self._ratio = ratio

    def create_accumulator(self) -> Accumulator:
        return 0.0, 0.0, 0

    def add_input(self, accumulator: Accumulator, errors: tuple[float, float]) -> Accumulator:
        return accumulator[0] + errors[0], accumulator[1] + errors[1], accumulator[2] + 1

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        total, others, rows = 0.0, 0.0, 0
        for one in accumulators:
            total, others, rows = total + one[0], others + one[1], rows + one[2]
        return total, others, rows

    def extract_output(self, accumulator: Accumulator) -> dict[Any, float]:
        total, others, rows = accumulator
        if not rows:
            return {self._key: math.nan}
        error = self._mean(total, rows)
        return {self._key: _ratio(error, self._mean(others, rows)) if self._ratio else error}

    def _mean(self, total: float, rows: int) -> float:
        return math.sqrt(total / rows) if self._root else total / rows


@dataclasses.dataclass(frozen=True)
class _RowErrors:
    """Error of a row, and that of the other output (0 without one); None without a rating."""

    kind: str
    of: str
    against: str | None
    model_name: str
    output_name: str

    def __call__(self, inputs: Any) -> tuple[float, float] | None:
        rating = _number(inputs.get_labels(self.model_name, self.output_name))
        if rating is None:
            return None
        outputs = inputs.get_predictions(self.model_name)
        other = self._error(outputs[self.against], rating) if self.against else 0.0
        return self._error(outputs[self.of], rating), other

    def _error(self, values: Any, rating: float) -> float:
        prediction = _number(values)
        difference = math.nan if prediction is None else prediction - rating
        return abs(difference) if self.kind == "absolute" else difference * difference


def _number(values: Any) -> float | None:
    if values is None:
        return None
    flat = np.asarray(getattr(values, "values", values), dtype=np.float64).reshape(-1)
    return float(flat[0]) if flat.size else None


def _ratio(error: float, other: float) -> float:
    if other:
        return error / other
    return math.inf if error > 0 else math.nan


def _computations(
    name: str, kind: str, of: str, against: str | None, model_name: str = "", output_name: str = ""
) -> list[Any]:
    key = tfma.metrics.MetricKey(name=name, model_name=model_name, output_name=output_name)
    errors = _RowErrors(kind, of, against, model_name, output_name)
    return computation(key, errors, _ErrorSums(key, root=kind == "root", ratio=against is not None))
