"""Adds numbers up user by user: what the means of all rows and the resampling of users both need.

Numbers are kept as multiples of 2^-32 in whole numbers, whose sums do not depend on the order in
which they are added. So neither the engine nor the shards of the data change a digit of any figure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types

MAX_USERS = 2_048
"""Users that are kept one by one."""

GROUPS = 1_024
"""Groups into which a hash of their ids puts more users than that."""

_UNIT = 2.0**-32
_GROUP_BITS = 10
_HASH_BITS = 64

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Figures = dict[Any, float]
"""Metric keys of TFMA and their values."""


@dataclasses.dataclass(frozen=True)
class UserNumbers:
    """What one row adds to its user.

    Attributes:
      user: A 64-bit hash of the user's id.
      units: int64 `[columns]`, multiples of 2^-32; 0 where the number is not finite.
      broken: bool `[columns]`, which numbers are not finite.
    """

    user: int
    units: npt.NDArray[np.int64]
    broken: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, user: int, numbers: Iterable[float]) -> UserNumbers:
        """The sums of a user and their numbers, each of less than 2 billion."""
        values = np.fromiter(numbers, np.float64)
        broken = ~np.isfinite(values)
        values[broken] = 0.0
        return cls(user, np.rint(values / _UNIT).astype(np.int64), broken)


@dataclasses.dataclass
class Accumulator:
    """Sums by user, or by group of users once there are too many.

    Attributes:
      sums: int64 `[columns]` by hash of the user, or by its first bits.
      grouped: Whether `sums` is by group.
      broken: Columns that met a number that is not finite; None before the first row.
    """

    sums: dict[int, npt.NDArray[np.int64]] = dataclasses.field(default_factory=dict)
    grouped: bool = False
    broken: npt.NDArray[np.bool_] | None = None

    def add(self, key: int, units: npt.NDArray[np.int64], broken: npt.NDArray[np.bool_]) -> None:
        """Adds to a user or group; what is added stays as it is, other slices hold it too."""
        held = self.sums.get(key)
        if held is None:
            self.sums[key] = units.copy()
        else:
            held += units
        self.broken = broken if self.broken is None else self.broken | broken
        if not self.grouped and len(self.sums) > MAX_USERS:
            self.group()

    def group(self) -> None:
        """Puts users together by the first bits of their hashes; which users, no order decides."""
        users, self.sums, self.grouped = self.sums, {}, True
        for user, units in users.items():
            self.add(_group(user), units, np.zeros(len(units), np.bool_))


class UserSums(beam.CombineFn):  # type: ignore[misc]
    """Sums of every column for every user, and the figures made of them.

    The outcome is the same however rows are dealt to accumulators: it is by group exactly where the
    users of all accumulators together are more than MAX_USERS.

    Args:
      columns: Number of columns.
      figures: Makes the figures of sums float64 `[users or groups, columns]`, in the order of the
        hashes; a column that met a number that is not finite is NaN.
    """

    def __init__(self, columns: int, figures: Callable[[Matrix], Figures]) -> None:
        self._columns = columns
        self._figures = figures

    def create_accumulator(self) -> Accumulator:
        return Accumulator()

    def add_input(self, accumulator: Accumulator, row: UserNumbers) -> Accumulator:
        key = _group(row.user) if accumulator.grouped else row.user
        accumulator.add(key, row.units, row.broken)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        merged = Accumulator()
        for one in accumulators:
            if one.broken is None:
                continue
            if one.grouped and not merged.grouped:
                merged.group()
            for key, units in one.sums.items():
                merged.add(_group(key) if merged.grouped and not one.grouped else key, units, one.broken)
        return merged

    def extract_output(self, accumulator: Accumulator) -> Figures:
        return self._figures(self._matrix(accumulator))

    def _matrix(self, accumulator: Accumulator) -> Matrix:
        if accumulator.broken is None:
            return np.zeros((0, self._columns))
        stacked = np.stack([accumulator.sums[key] for key in sorted(accumulator.sums)])
        sums = np.asarray(stacked * _UNIT, np.float64)
        sums[:, accumulator.broken] = np.nan
        return sums


class RowNumbers(metric_types.Preprocessor):  # type: ignore[misc]
    """Reads a row's numbers once, before TFMA deals the row to its slices.

    A combiner that took whole rows would meet both lists of a user again in every slice, and Beam
    would carry them there. A row without numbers costs nothing more.

    Args:
      numbers: Takes TFMA's extracts of a row; None for a row that does not count.
    """

    def __init__(self, numbers: Callable[[Any], Any]) -> None:
        super().__init__(name=type(numbers).__name__)
        self._numbers = numbers

    def process(self, extracts: Any) -> Iterable[Any]:
        numbers = self._numbers(extracts)
        return () if numbers is None else (numbers,)


def computation(keys: Iterable[Any], numbers: Callable[[Any], Any], combiner: beam.CombineFn) -> list[Any]:
    """TFMA's computation of several figures in one pass over the rows."""
    return [tfma.metrics.MetricComputation(keys=list(keys), preprocessors=[RowNumbers(numbers)], combiner=combiner)]


def keyed(figures: Mapping[str, float], model: str, output: str) -> Figures:
    """The figures under TFMA's keys."""
    return {metric_key(name, model, output): value for name, value in figures.items()}


def metric_key(name: str, model: str, output: str) -> Any:
    # A threshold of a MetricsSpec looks for keys that leave open whether rows are weighted.
    return tfma.metrics.MetricKey(name=name, model_name=model, output_name=output, example_weighted=None)


def _group(user: int) -> int:
    return user >> (_HASH_BITS - _GROUP_BITS)
