"""The formulas of the metrics on answers that are known by hand, empties and ties included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from components.evaluation.metrics.coverage import Coverage
from components.evaluation.metrics.label_count import LabelCount
from components.evaluation.metrics.lists import ids
from components.evaluation.metrics.ndcg import NDCGAtK, ndcg
from components.evaluation.metrics.rating_error import RatingError
from components.evaluation.metrics.recall import RecallAtK, recall
from components.evaluation.metrics.recall_lift_bound import RecallLiftBound, lower_bound
from components.evaluation.metrics.reciprocal_rank import ReciprocalRank, reciprocal_rank

A, B, C, D, E = b"a", b"b", b"c", b"d", b"e"


def row(label: Any, **outputs: Any) -> dict[str, Any]:
    """What TFMA hands to a metric for one row."""
    arrays = {name: np.array(value) for name, value in outputs.items()}
    return {"labels": {"movie_ids": None if label is None else np.array(label)}, "predictions": arrays}


def value(metric: Any, rows: list[Any], bundles: int = 1) -> float:
    """The metric over rows that are dealt to several accumulators, as a distributed runner does."""
    (computation,) = metric.computations(model_names=[""], output_names=["movie_ids"])
    (preprocessor,) = computation.preprocessors
    combiner = computation.combiner
    accumulators = [combiner.create_accumulator() for _ in range(bundles)]
    for position, one in enumerate(rows):
        at = position % bundles
        accumulators[at] = combiner.add_inputs(accumulators[at], preprocessor.process(one))
    output = combiner.extract_output(combiner.merge_accumulators(accumulators))
    return float(output[computation.keys[0]])


def test_recall_divides_by_all_held_out_movies() -> None:
    assert recall([A, B, C, D], frozenset([B, D, E]), 2) == 1 / 3
    assert recall([A, B, C, D], frozenset([B, D, E]), 4) == 2 / 3
    assert recall([A, B], frozenset([A, B, C, D]), 1) == 1 / 4  # more held out than k: 1 is out of reach
    assert recall([A], frozenset([A]), 100) == 1.0
    assert recall([], frozenset([A]), 10) == 0.0


def test_ndcg_divides_by_the_best_list_of_that_length() -> None:
    second = 1 / math.log2(3)
    assert ndcg([A, B], frozenset([B]), 2) == pytest.approx(second)  # best: 1 at the first position
    assert ndcg([A, B, C], frozenset([A, C]), 3) == pytest.approx((1 + 1 / 2) / (1 + second))
    assert ndcg([A, B], frozenset([A, B, C, D]), 2) == 1.0
    assert ndcg([A, B], frozenset([C]), 2) == 0.0
    assert ndcg([A, B, C], frozenset([C]), 2) == 0.0


def test_reciprocal_rank_counts_the_first_hit_only() -> None:
    assert reciprocal_rank([A, B, C], frozenset([B, C]), None) == 1 / 2
    assert reciprocal_rank([A, B, C], frozenset([C]), 2) == 0.0
    assert reciprocal_rank([A], frozenset([E]), None) == 0.0


def test_padding_and_repetitions_are_no_movies() -> None:
    assert ids(np.array([b"", A, b"", B, A, b""], dtype=object)) == [A, B]
    assert ids(np.array([[A, B]], dtype=object)) == [A, B]
    assert ids(None) == []
    assert ids(np.array([], dtype=object)) == []


LISTS = [
    row([A, B], movie_ids=[A, C, b""], popular_movie_ids=[C, D, E]),
    row(None, movie_ids=[b"", b"", b""], popular_movie_ids=[b"", b"", b""]),  # not marked
    row([E], movie_ids=[A, E, B], popular_movie_ids=[E, D, C]),
    row([], movie_ids=[b"", b"", b""], popular_movie_ids=[b"", b"", b""]),
    row([D], movie_ids=[A, B, C], popular_movie_ids=[C, D, E]),
]


@pytest.mark.parametrize("bundles", [1, 2, 5, 9])
def test_means_are_over_marked_rows_however_they_are_dealt(bundles: int) -> None:
    assert value(RecallAtK(2), LISTS, bundles) == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert value(RecallAtK(2, of="popular_movie_ids"), LISTS, bundles) == pytest.approx((0 + 1 + 1) / 3)
    assert value(RecallAtK(2, against="popular_movie_ids"), LISTS, bundles) == pytest.approx((1 / 2 + 0 - 1) / 3)
    assert value(ReciprocalRank(), LISTS, bundles) == pytest.approx((1 + 1 / 2 + 0) / 3)
    ideal = 1 + 1 / math.log2(3)
    assert value(NDCGAtK(2), LISTS, bundles) == pytest.approx((1 / ideal + 1 / math.log2(3) + 0) / 3)
    assert value(Coverage(1, catalogue_size=4), LISTS, bundles) == 1 / 4  # a
    assert value(Coverage(2, catalogue_size=4), LISTS, bundles) == 4 / 4  # a c e b
    assert value(LabelCount("users"), LISTS, bundles) == 3


def test_without_any_marked_row_there_is_no_number() -> None:
    for metric in (RecallAtK(2), NDCGAtK(2), ReciprocalRank(), RecallLiftBound(2), Coverage(2, catalogue_size=4)):
        assert math.isnan(value(metric, [LISTS[1], LISTS[3]]))
    assert value(LabelCount(), [LISTS[1], LISTS[3]]) == 0
    assert math.isnan(value(Coverage(2), LISTS))  # a catalogue of unknown size


def test_the_lower_bound_of_users_who_all_gain_the_same_is_that_gain() -> None:
    assert lower_bound({0.25: 10}, samples=1000, seed=1) == 0.25
    assert lower_bound({0.0: 10}, samples=1000, seed=1) == 0.0


def test_the_lower_bound_is_that_of_a_binomial() -> None:
    # 100 users of whom half gain 1: the sum is binomial(100, 1/2), whose 2.5th percentile is 40.
    assert lower_bound({0.0: 50, 1.0: 50}, samples=20_000, seed=3) == pytest.approx(0.40, abs=0.011)


def test_the_lower_bound_depends_on_the_lifts_and_the_seed_only() -> None:
    generator = np.random.default_rng(5)
    rows = [
        row([A, B, C], movie_ids=generator.permutation([A, B, C, D, E]), popular_movie_ids=[C, D, E]) for _ in range(50)
    ]
    once = value(RecallLiftBound(2, seed=7), rows)
    assert value(RecallLiftBound(2, seed=7), rows[::-1], bundles=7) == once
    assert value(RecallLiftBound(2, seed=8), rows) != once
    lifts = {i / 997: 1 for i in range(-400, 597)}
    assert lower_bound(lifts, 1000, 1) == lower_bound(dict(reversed(lifts.items())), 1000, 1)


def stars(rating: Any, predicted: float, means: float) -> dict[str, Any]:
    return row(rating, predicted_rating=np.float32(predicted), baseline_rating=np.float32(means))


STARS = [stars([4.0], 3.0, 4.0), stars([2.0], 2.5, 4.0), stars(None, 9.0, 9.0), stars([5.0], 5.0, 3.0)]


@pytest.mark.parametrize("bundles", [1, 2, 4])
def test_rating_errors_by_hand(bundles: int) -> None:
    assert value(RatingError("squared"), STARS, bundles) == pytest.approx((1 + 0.25 + 0) / 3)
    assert value(RatingError("root"), STARS, bundles) == pytest.approx(math.sqrt(1.25 / 3))
    assert value(RatingError("absolute"), STARS, bundles) == pytest.approx(1.5 / 3)
    assert value(RatingError("root", of="baseline_rating"), STARS, bundles) == pytest.approx(math.sqrt(8 / 3))
    ratio = RatingError("root", against="baseline_rating")
    assert value(ratio, STARS, bundles) == pytest.approx(math.sqrt(1.25 / 8))


def test_rating_errors_without_a_number() -> None:
    ratio = RatingError("root", against="baseline_rating")
    assert math.isnan(value(RatingError("root"), []))
    assert math.isnan(value(RatingError("root"), [*STARS, stars([1.0], math.nan, 1.0)]))
    assert math.isnan(value(ratio, [stars([1.0], 1.0, 1.0)]))
    assert value(ratio, [stars([1.0], 2.0, 1.0)]) == math.inf
    with pytest.raises(ValueError, match="kind"):
        RatingError("cubic")
