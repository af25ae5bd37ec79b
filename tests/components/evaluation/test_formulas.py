"""The formulas of the metrics on answers that are known by hand, empties and ties included."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.baselines.popularity_file import write_popularity
from components.evaluation.metrics.exposure import Exposure
from components.evaluation.metrics.gini import gini
from components.evaluation.metrics.list_figures import ListFigures
from components.evaluation.metrics.ndcg import ndcg
from components.evaluation.metrics.novelty import novelty
from components.evaluation.metrics.rating_figures import RatingFigures
from components.evaluation.metrics.recall import recall
from components.evaluation.metrics.reciprocal_rank import reciprocal_rank
from components.evaluation.metrics.rows import ids

A, B, C, D, E = b"a", b"b", b"c", b"d", b"e"
IDEAL = 1 + 1 / math.log2(3)  # DCG of two held-out items at the top


def array(values: Any) -> Any:
    return None if values is None else np.array(values, dtype=object if isinstance(values, list) else None)


def marked(
    user: str, held_out: Any, items: Any, popular: Any = (), peer: Any = (), served: Any = None
) -> dict[str, Any]:
    """What TFMA hands to a metric for one row; with `served`, as it does for two models."""
    outputs = {"item_ids": array(items)}
    labels = {"item_ids": array(held_out)}
    two = served is not None
    return {
        "features": {
            "user_id": array([user.encode()]),
            "popular_item_ids": array(list(popular)),
            "peer_item_ids": array(list(peer)),
        },
        "labels": {"candidate": labels, "baseline": labels} if two else labels,
        "predictions": {"candidate": outputs, "baseline": {"item_ids": array(served)}} if two else outputs,
    }


def rated(user: str, rating: Any, predicted: float, means: float, served: float | None = None) -> dict[str, Any]:
    outputs = {"predicted_rating": np.float32(predicted), "baseline_rating": np.float32(means)}
    labels = {"predicted_rating": array(rating)}
    two = served is not None
    return {
        "features": {"user_id": array([user.encode()])},
        "labels": {"candidate": labels, "baseline": labels} if two else labels,
        "predictions": {"candidate": outputs, "baseline": {"predicted_rating": array(served)}} if two else outputs,
    }


def figures(metric: Any, rows: list[Any], bundles: int = 1, two: bool = False) -> dict[Any, float]:
    """The figures over rows that are dealt to several accumulators, as a distributed runner does; by name,
    those of the served bundle by ("served", name)."""
    names = ["candidate", "baseline"] if two else [""]
    (computation,) = metric.computations(model_names=names, output_names=["item_ids"])
    (preprocessor,) = computation.preprocessors
    combiner = computation.combiner
    accumulators = [combiner.create_accumulator() for _ in range(bundles)]
    for position, one in enumerate(rows):
        at = position % bundles
        accumulators[at] = combiner.add_inputs(accumulators[at], preprocessor.process(one))
    output = combiner.extract_output(combiner.merge_accumulators(accumulators))
    assert set(output) == set(computation.keys)  # a slice that lacks a figure would fail its threshold
    return {("served", key.name) if key.model_name == "baseline" else key.name: value for key, value in output.items()}


def test_recall_divides_by_all_held_out_items() -> None:
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
    assert reciprocal_rank([A, B, C], frozenset([B, C])) == 1 / 2
    assert reciprocal_rank([A], frozenset([E])) == 0.0


def test_padding_and_repetitions_are_no_items() -> None:
    assert ids(np.array([b"", A, b"", B, A, b""], dtype=object)) == [A, B]
    assert ids(np.array([[A, B]], dtype=object)) == [A, B]
    assert ids(None) == []
    assert ids(np.array([], dtype=object)) == []


LISTS = [
    marked("ann", [A, B], [A, C, b""], popular=[C, D, E], peer=[A, B]),
    marked("bob", None, [b"", b"", b""]),  # not marked
    marked("cy", [E], [A, E, B], popular=[E, D, C], peer=[D, A]),
    marked("cy", [], [b"", b"", b""]),
    marked("dee", [D], [A, B, C], popular=[C, D, E], peer=[]),
]


@pytest.mark.parametrize("bundles", [1, 2, 5, 9])
def test_means_are_over_marked_rows_however_they_are_dealt(bundles: int) -> None:
    found = figures(ListFigures([2]), LISTS, bundles)
    second = 1 / math.log2(3)
    expected = {
        "users": 3,
        "recall_at_2": (1 / 2 + 1 + 0) / 3,
        "baseline_recall_at_2": (0 + 1 + 1) / 3,
        "peer_recall_at_2": (1 + 0 + 0) / 3,
        "recall_at_2_minus_popularity": (1 / 2 + 0 - 1) / 3,
        "recall_at_2_minus_peer": (-1 / 2 + 1 + 0) / 3,
        "mrr": (1 + 1 / 2 + 0) / 3,
        "ndcg_at_2": (1 / IDEAL + second + 0) / 3,
        "ndcg_at_2_minus_popularity": (1 / IDEAL + (second - 1) - second) / 3,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert found["recall_at_2_lower"] == 0  # dee three times
    assert found["recall_at_2_upper"] == 1  # cy three times
    assert found["mrr_upper"] == 1


@pytest.mark.parametrize("bundles", [1, 2, 5, 9])
def test_what_all_lists_show_of_the_catalogue(bundles: int, tmp_path: Path) -> None:
    rows = str(tmp_path / "popularity.parquet")
    write_popularity(rows, array([A, B, C, D, E]), np.array([7, 3, 1, 0, 0]))
    found = figures(Exposure(1, catalogue_size=5, popularity=rows), LISTS, bundles)
    # First items: a a a; c e c; a d (dee's peer list is empty). One row is lent to each: a has 8 of 16.
    assert found == pytest.approx(
        {
            "coverage_at_1": 1 / 5,
            "baseline_coverage_at_1": 2 / 5,
            "peer_coverage_at_1": 2 / 5,
            "gini_at_1": 4 / 5,  # (2 * 5 - 6) * 3 / (5 * 3)
            "baseline_gini_at_1": (2 * 1 + 4 * 2) / (5 * 3),
            "peer_gini_at_1": (2 * 1 + 4 * 1) / (5 * 2),
            "novelty_at_1": 1,  # 16 / 8
            "baseline_novelty_at_1": (3 + 4 + 3) / 3,  # 16 / 2, 16 / 1
            "peer_novelty_at_1": (1 + 4) / 2,
        }
    )
    assert figures(Exposure(2, catalogue_size=5), LISTS, bundles)["coverage_at_2"] == 4 / 5  # a c e b
    assert math.isnan(figures(Exposure(2, catalogue_size=5), LISTS)["novelty_at_2"])  # no file


def test_gini_is_0_where_all_are_shown_alike_and_near_1_where_one_takes_all() -> None:
    assert gini([3, 3, 3, 3], 4) == 0
    assert gini([12], 4) == 3 / 4
    assert gini([1, 2, 3, 4], 4) == pytest.approx((-3 * 1 - 1 * 2 + 1 * 3 + 3 * 4) / (4 * 10))
    assert gini([4, 1, 3, 2], 4) == gini([1, 2, 3, 4], 4)
    assert math.isnan(gini([], 4))
    assert math.isnan(gini([1], 0))


def test_novelty_weighs_items_by_how_often_they_are_shown() -> None:
    rows = {A: 3, B: 1}  # of 4 rows and 4 items: a (3 + 1) / 8, b 2 / 8, others 1 / 8
    assert novelty({A: 2, B: 1, C: 1}, rows, 4) == pytest.approx((2 * 1 + 2 + 3) / 4)
    assert math.isnan(novelty({}, rows, 4))
    assert math.isnan(novelty({A: 1}, {}, 4))


def test_two_bundles_are_compared_row_by_row() -> None:
    rows = [
        marked("ann", [A, B], [A, C], served=[A, B]),
        marked("bob", None, [b""], served=[b""]),
        marked("cy", [E], [E, D], served=[D, C]),
    ]
    found = figures(ListFigures([2], tolerances={"recall_at_2_minus_served": 0.1}), rows, two=True)
    assert found["recall_at_2"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["served", "recall_at_2"] == pytest.approx((1 + 0) / 2)
    assert found["recall_at_2_minus_served"] == pytest.approx((-1 / 2 + 1) / 2)
    # Two users who lose a half and gain one: ann twice, both, or cy twice.
    assert found["recall_at_2_minus_served_lower"] == pytest.approx(-1 / 2)
    assert found["recall_at_2_minus_served_upper"] == pytest.approx(1)
    assert found["recall_at_2_minus_served_headroom"] == pytest.approx(1)  # the upper end, above 0.25 + 0.1
    shown = figures(Exposure(1, catalogue_size=5), rows, two=True)
    assert (shown["coverage_at_1"], shown["served", "coverage_at_1"]) == (2 / 5, 2 / 5)
    assert shown["served", "gini_at_1"] == pytest.approx((2 + 4) / (5 * 2))


def test_without_any_marked_row_there_is_no_number() -> None:
    found = figures(ListFigures([2], tolerances={"recall_at_2_minus_peer": 0.1}), [LISTS[1], LISTS[3]])
    assert found.pop("users") == 0
    assert all(math.isnan(value) for value in found.values())
    assert all(map(math.isnan, figures(Exposure(2, catalogue_size=4), [LISTS[1]]).values()))
    assert math.isnan(figures(Exposure(2), LISTS)["coverage_at_2"])  # a catalogue of unknown size


STARS = [
    rated("ann", [4.0], 3.0, 4.0),
    rated("ann", [2.0], 2.5, 4.0),
    rated("bob", None, 9.0, 9.0),
    rated("cy", [5.0], 5.0, 3.0),
]


@pytest.mark.parametrize("bundles", [1, 2, 4])
def test_rating_errors_by_hand(bundles: int) -> None:
    found = figures(RatingFigures(), STARS, bundles)
    expected = {
        "rows": 3,
        "rmse": math.sqrt((1 + 0.25 + 0) / 3),
        "rmse_lower": 0,  # cy twice
        "rmse_upper": math.sqrt(1.25 / 2),  # ann twice
        "mae": (1 + 0.5 + 0) / 3,
        "mae_lower": 0,
        "mae_upper": 1.5 / 2,
        "baseline_rmse": math.sqrt((0 + 4 + 4) / 3),
        "baseline_mae": (0 + 2 + 2) / 3,
        "rmse_ratio": math.sqrt(1.25 / 8),
        "rmse_ratio_lower": 0,  # cy twice
        "rmse_ratio_upper": math.sqrt(1.25 / 4),  # ann twice, each time with both rows
        "mae_ratio": 1.5 / 4,
        "mae_ratio_lower": 0,
        "mae_ratio_upper": 1.5 / 2,
    }
    assert found == pytest.approx(expected, abs=1e-9)


def test_the_served_bundles_errors_are_compared_where_a_tolerance_asks_for_it() -> None:
    rows = [rated("ann", [4.0], 3.0, 4.0, served=4.5), rated("cy", [2.0], 2.0, 3.0, served=2.5)]
    found = figures(RatingFigures(tolerances={"rmse_minus_served": 0.01}), rows, two=True)
    rmse, served = math.sqrt((1 + 0) / 2), 0.5
    assert (found["rmse"], found["served", "rmse"], found["served", "mae"]) == pytest.approx((rmse, served, served))
    assert found["rmse_minus_served"] == pytest.approx(rmse - served)
    assert (found["rmse_minus_served_lower"], found["rmse_minus_served_upper"]) == pytest.approx((-0.5, 0.5))
    assert found["rmse_minus_served_headroom"] == pytest.approx(0.5)
    assert (found["mae"], found["mae_minus_served"]) == pytest.approx((0.5, 0.0))
    assert "mae_minus_served_headroom" not in found
    assert not any("served" in name for name in figures(RatingFigures(with_served=False), rows, two=True))


def test_rating_errors_without_a_number() -> None:
    assert math.isnan(figures(RatingFigures(), [])["rmse"])
    broken = figures(RatingFigures(), [*STARS, rated("dee", [1.0], math.nan, 1.0)], bundles=2)
    assert math.isnan(broken["rmse"])
    assert math.isnan(broken["rmse_ratio_upper"])
    assert broken["baseline_rmse"] == pytest.approx(math.sqrt(8 / 4))
    assert math.isnan(figures(RatingFigures(), [rated("dee", [1.0], 1.0, 1.0)])["rmse_ratio"])
    assert figures(RatingFigures(), [rated("dee", [1.0], 2.0, 1.0)])["rmse_ratio"] == math.inf
