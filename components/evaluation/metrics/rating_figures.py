"""Every figure of the predicted ratings in one pass: RMSE and MAE beside the means' and the served bundle's.

TFMA's own MeanSquaredError and MeanAbsoluteError count an accumulator twice whenever Beam merges
several (0.47.1), so that their figures change with the engine; these are plain sums.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluation import metric_names as names
from components.evaluation.metrics.bootstrap import Bootstrap, Statistic
from components.evaluation.metrics.rows import JudgedRow, ModelRoles, number
from components.evaluation.metrics.user_sums import Figures, Matrix, UserNumbers, UserSums, Vector, computation, keyed
from components.evaluation.metrics.verdict import headroom, tolerated
from serving.contract import BASELINE_RATING, PREDICTED_RATING

# Columns of the sums: rows, then squared and absolute errors of each prediction.
_ROWS, _MODEL, _MEANS, _SERVED = 0, 1, 3, 5

Error = Callable[[Matrix, int], Vector]
"""An error of the prediction whose numbers begin at a column, for each draw."""


class RatingFigures(tfma.metrics.Metric):  # type: ignore[misc]
    """Errors of the predicted stars over all rows with a rating.

    `rmse`: `√(Σ (prediction - rating)² / rows)` · `mae`: `Σ |prediction - rating| / rows`, in stars.
    Every row weighs the same, hence users with many held-out rows weigh more. Rows without a rating
    are skipped; without any row, and with a prediction that is NaN, the value is NaN.

    Figures: `rows`, `rmse`, `mae`; `baseline_rmse`, `baseline_mae` of user + item means;
    `rmse_ratio`, `mae_ratio`: divided by the means' (NaN where both are 0, infinite where only theirs is);
    `rmse` and `mae` of the served bundle, under the name of TFMA's baseline model;
    `rmse_minus_served`, `mae_minus_served`. All of them come with the ends `…_lower` and `…_upper` of
    their 95 % intervals: users are drawn, each with all its rows (bootstrap.py). And `…_headroom` (verdict.py) of the
    differences with a tolerance.

    Args:
      tolerances: How much worse the bundle may be in any case, by name of the difference.
      with_served: Whether a served bundle, where there is one, has ratings to be compared with.
      samples: Draws of the bootstrap.
      seed: Seed of the draws.
      name: Unused in the results, whose names are those above.
    """

    def __init__(
        self,
        tolerances: Mapping[str, float] | None = None,
        with_served: bool = True,
        samples: int = 1_000,
        seed: int = 42,
        name: str = "rating_figures",
    ) -> None:
        super().__init__(
            _computations,
            name=name,
            tolerances=dict(tolerances or {}),
            with_served=with_served,
            samples=samples,
            seed=seed,
        )


@dataclasses.dataclass(frozen=True)
class _Errors:
    """A row's numbers: 1, then squared and absolute error of each prediction."""

    models: ModelRoles

    def __call__(self, extracts: Any) -> UserNumbers | None:
        row = JudgedRow(extracts, self.models)
        rating = number(row.label(PREDICTED_RATING))
        if rating is None:
            return None
        predictions = [row.judged(PREDICTED_RATING), row.judged(BASELINE_RATING)]
        if self.models.served is not None:
            predictions.append(row.served(PREDICTED_RATING))
        return UserNumbers.of(row.user(), [1.0, *self._errors(predictions, rating)])

    def _errors(self, predictions: list[Any], rating: float) -> Iterable[float]:
        for prediction in map(number, predictions):
            difference = math.nan if prediction is None else prediction - rating
            yield difference * difference
            yield abs(difference)


@dataclasses.dataclass(frozen=True)
class _Figures:
    """Makes the figures of the users' sums."""

    tolerances: dict[str, float]
    samples: int
    seed: int
    models: ModelRoles
    output: str

    def columns(self) -> int:
        return _SERVED if self.models.served is None else _SERVED + 2

    def __call__(self, sums: Matrix) -> Figures:
        total = sums.sum(axis=0, keepdims=True)
        bootstrap = Bootstrap(sums, self.samples, self.seed)
        figures = {
            names.ROWS: float(total[0, _ROWS]),
            **_errors(total, _MODEL),
            **{names.baseline(name): value for name, value in _errors(total, _MEANS).items()},
        }
        for name, error in _ERRORS.items():
            figures.update(names.ends(name, bootstrap.interval(_of(error, _MODEL))))
            figures.update(names.with_interval(names.ratio(name), bootstrap.interval(_ratio(error))))
        if self.models.served is None:
            return keyed(figures, self.models.judged, self.output)
        of_served = _errors(total, _SERVED)
        for name, error in _ERRORS.items():
            compared = names.minus(name, names.SERVED)
            difference = bootstrap.interval(_difference(error))
            figures.update(names.with_interval(compared, difference))
            if compared in self.tolerances:
                tolerance = tolerated(self.tolerances[compared], of_served[name])
                figures[names.headroom(compared)] = float(headroom(difference, tolerance, higher_is_better=False))
        return {
            **keyed(figures, self.models.judged, self.output),
            **keyed(of_served, self.models.served, self.output),
        }


def _errors(total: Matrix, column: int) -> dict[str, float]:
    with np.errstate(invalid="ignore"):
        return {name: float(error(total, column)[0]) for name, error in _ERRORS.items()}


def _of(error: Error, column: int) -> Statistic:
    return lambda sums: error(sums, column)


def _ratio(error: Error) -> Statistic:
    return lambda sums: error(sums, _MODEL) / error(sums, _MEANS)


def _difference(error: Error) -> Statistic:
    return lambda sums: error(sums, _MODEL) - error(sums, _SERVED)


def _rmse(sums: Matrix, column: int) -> Vector:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(sums[:, column] / sums[:, _ROWS]))


def _mae(sums: Matrix, column: int) -> Vector:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[:, column + 1] / sums[:, _ROWS])


_ERRORS: dict[str, Error] = {names.RMSE: _rmse, names.MAE: _mae}


def _computations(
    name: str,
    tolerances: dict[str, float],
    with_served: bool,
    samples: int,
    seed: int,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
) -> list[Any]:
    del name
    models = ModelRoles.of(model_names or [""])
    if not with_served:
        models = dataclasses.replace(models, served=None)
    figures = _Figures(tolerances, samples, seed, models, (output_names or [""])[0])
    keys = figures(np.zeros((0, figures.columns())))
    return computation(keys, _Errors(models), UserSums(figures.columns(), figures))
