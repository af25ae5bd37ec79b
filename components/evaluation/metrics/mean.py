"""The mean of a per-user score over all users: what recall, NDCG and reciprocal rank share."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma

from components.evaluation.metrics.lists import Score, UserScore
from components.evaluation.metrics.row_value import computation

Accumulator = tuple[float, int]
"""Sum of the users' values, number of users."""


class Mean(beam.CombineFn):  # type: ignore[misc]
    """Averages one number a user; NaN without any user."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def create_accumulator(self) -> Accumulator:
        return 0.0, 0

    def add_input(self, accumulator: Accumulator, value: float) -> Accumulator:
        return accumulator[0] + value, accumulator[1] + 1

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        total, users = 0.0, 0
        for one in accumulators:
            total, users = total + one[0], users + one[1]
        return total, users

    def extract_output(self, accumulator: Accumulator) -> dict[Any, float]:
        total, users = accumulator
        return {self._key: total / users if users else float("nan")}


def mean_over_users(
    score: Score, *, name: str, of: str, against: str | None, model_name: str, output_name: str
) -> list[Any]:
    """TFMA's computation of a mean over the users that have held-out movies."""
    key = tfma.metrics.MetricKey(name=name, model_name=model_name, output_name=output_name)
    return computation(key, UserScore(score, of, against, model_name, output_name), Mean(key))


def bound_score(score: Any, cut_off: int | None) -> Score:
    """The score at a cut-off, in a form that Beam can send to its workers."""
    return functools.partial(score, cut_off=cut_off)
