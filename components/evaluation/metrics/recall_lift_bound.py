"""Lower bound of the lift of recall@k over another list: the gate against popularity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from components.evaluation.metrics.lists import UserScore
from components.evaluation.metrics.mean import bound_score
from components.evaluation.metrics.recall import recall
from components.evaluation.metrics.row_value import computation
from serving.contract import MOVIE_IDS, POPULAR_MOVIE_IDS

_DRAWS_AT_ONCE = 4_000_000  # 32 MB of counts


class RecallLiftBound(tfma.metrics.Metric):  # type: ignore[misc]
    """Lower end of the 95 % paired bootstrap interval of the mean lift of recall@k.

    The lift of a user is recall@k of the list minus recall@k of the other list (`RecallAtK`, same
    denominator), from -1 to 1. Users are drawn with replacement, as many as there are; the value is
    the 2.5th percentile of the means of `samples` such draws. Users without held-out movies are
    skipped; without any user the value is NaN. Seen movies are in neither list.

    Deterministic: the random numbers are seeded, and only how many users have which lift enters
    (in the order of the lifts), so neither shards nor the order of merging change a digit.

    Args:
      cut_off: k.
      of: Output that is judged.
      against: Output that is to be beaten.
      samples: Number of draws.
      seed: Seed of the draws.
      name: Name in the results.
    """

    def __init__(
        self,
        cut_off: int,
        of: str = MOVIE_IDS,
        against: str = POPULAR_MOVIE_IDS,
        samples: int = 1_000,
        seed: int = 42,
        name: str | None = None,
    ) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name or f"recall_at_{cut_off}_lift_lower_bound",
            cut_off=cut_off,
            of=of,
            against=against,
            samples=samples,
            seed=seed,
        )


def lower_bound(lifts: dict[float, int], samples: int, seed: int) -> float:
    """The 2.5th percentile of the bootstrapped mean.

    Drawing users with replacement is drawing how often each distinct lift occurs from a multinomial
    distribution, which is far cheaper because lifts are fractions with few distinct values.

    Args:
      lifts: How many users have which lift.
      samples: Number of draws.
      seed: Seed of the draws.
    """
    if not lifts:
        return float("nan")
    values = np.array(sorted(lifts))
    counts = np.array([lifts[value] for value in values.tolist()], dtype=np.int64)
    users = int(counts.sum())
    generator = np.random.default_rng(seed)
    means: list[Any] = []
    step = max(1, _DRAWS_AT_ONCE // len(values))
    for start in range(0, samples, step):
        draws = generator.multinomial(users, counts / users, size=min(step, samples - start))
        means.append(draws @ values / users)
    return float(np.percentile(np.concatenate(means), 2.5))


class _LiftCounts(beam.CombineFn):  # type: ignore[misc]
    def __init__(self, key: Any, samples: int, seed: int) -> None:
        self._key = key
        self._samples = samples
        self._seed = seed

    def create_accumulator(self) -> Counter[float]:
        return Counter()

    def add_input(self, accumulator: Counter[float], lift: float) -> Counter[float]:
        accumulator[lift] += 1
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counter[float]]) -> Counter[float]:
        merged: Counter[float] = Counter()
        for one in accumulators:
            merged.update(one)
        return merged

    def extract_output(self, accumulator: Counter[float]) -> dict[Any, float]:
        return {self._key: lower_bound(accumulator, self._samples, self._seed)}


def _computations(
    name: str,
    cut_off: int,
    of: str,
    against: str,
    samples: int,
    seed: int,
    model_name: str = "",
    output_name: str = "",
) -> list[Any]:
    key = tfma.metrics.MetricKey(name=name, model_name=model_name, output_name=output_name)
    lift = UserScore(bound_score(recall, cut_off), of, against, model_name, output_name)
    return computation(key, lift, _LiftCounts(key, samples, seed))
