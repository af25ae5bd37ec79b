"""What is asked of TFMA for the bundles at hand."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest

from components.errors import InputError
from components.evaluation.bundle_facts import BundleFacts
from components.evaluation.comparisons import is_cut_short
from components.evaluation.config import EvaluationConfig
from components.evaluation.eval_config import Judged, build_eval_config
from components.evaluation.gate_config import GateConfig

FACTS = BundleFacts(list_length=100, items=9742, live_items=9742, has_ratings=True)


def built(
    config: EvaluationConfig | None = None,
    model: BundleFacts = FACTS,
    served: BundleFacts | None = None,
    has_ratings: bool = True,
) -> Any:
    judged = Judged(model=model, served=served, has_ratings=has_ratings)
    return build_eval_config(config or EvaluationConfig(), judged)


def options(eval_config: Any) -> dict[str, dict[str, Any]]:
    """Arguments by metric class."""
    return {
        metric.class_name: json.loads(metric.config) for spec in eval_config.metrics_specs for metric in spec.metrics
    }


def bounds(eval_config: Any) -> dict[str, tuple[str, float]]:
    """By figure: which bound, and where."""
    found = {}
    for spec in eval_config.metrics_specs:
        for name, thresholds in spec.per_slice_thresholds.items():
            (one,) = thresholds.thresholds
            assert [list(slicing.feature_keys) for slicing in one.slicing_specs] == [[]]  # all rows only
            value = one.threshold.value_threshold
            side = "lower_bound" if value.HasField("lower_bound") else "upper_bound"
            found[name] = (side, round(getattr(value, side).value, 8))
    return found


def test_bounds_are_those_of_the_settings_and_hold_overall_only() -> None:
    bounds_of = {
        "recall_lift": 0.02,
        "rmse_ratio": 0.95,
        "recall_peer": 0.03,
        "recall_change": 0.04,
        "rmse_change": 0.05,
    }
    config = EvaluationConfig(gates={name: GateConfig(bound=bound) for name, bound in bounds_of.items()})
    eval_config = built(config, served=FACTS)
    assert bounds(eval_config) == {
        "recall_at_100_minus_popularity_lower": ("lower_bound", 0.02),
        "recall_at_100_minus_peer_headroom": ("lower_bound", 0.0),
        "recall_at_100_minus_served_headroom": ("lower_bound", 0.0),
        "rmse_ratio_upper": ("upper_bound", 0.95),
        "rmse_minus_served_headroom": ("lower_bound", 0.0),
    }
    assert options(eval_config)["ListFigures"]["tolerances"] == {
        "recall_at_100_minus_peer": 0.03,
        "recall_at_100_minus_served": 0.04,
    }
    assert options(eval_config)["RatingFigures"]["tolerances"] == {"rmse_minus_served": 0.05}


def test_every_class_takes_its_options_and_makes_every_figure_with_a_bound() -> None:
    eval_config = built(served=FACTS)
    for spec in eval_config.metrics_specs:
        figures = set()
        for metric in spec.metrics:
            made = getattr(importlib.import_module(metric.module), metric.class_name)(**json.loads(metric.config))
            for computation in made.computations(model_names=["candidate", "baseline"], output_names=["x"]):
                figures |= {key.name for key in computation.keys if key.model_name == "candidate"}
        assert set(spec.per_slice_thresholds) <= figures


def test_lists_that_are_shorter_than_asked_rename_their_figures() -> None:
    eval_config = built(model=BundleFacts(list_length=15, items=150, live_items=150), has_ratings=False)
    assert options(eval_config)["ListFigures"]["cut_offs"] == [15, 10]
    assert set(bounds(eval_config)) == {
        "recall_at_15_minus_popularity_lower",
        "recall_at_15_minus_peer_headroom",
    }
    assert options(eval_config)["Exposure"]["catalogue_size"] == 150


@pytest.mark.parametrize(("served_length", "compared"), [(100, 100), (40, 40), (20, 20), (120, 100), (None, 100)])
def test_recall_is_compared_at_the_shorter_of_the_two_lists(served_length: int | None, compared: int) -> None:
    eval_config = built(served=BundleFacts(list_length=served_length))
    assert f"recall_at_{compared}_minus_served_headroom" in bounds(eval_config)
    assert "recall_at_100_minus_popularity_lower" in bounds(eval_config)
    assert set(options(eval_config)["ListFigures"]["cut_offs"]) == {10, 20, compared, 100}


def test_nothing_is_compared_with_a_served_bundle_that_is_not_there_or_has_no_stars() -> None:
    assert not any("served" in name for name in bounds(built()))
    without_stars = built(served=BundleFacts(list_length=100, has_ratings=False))
    assert {name for name in bounds(without_stars) if "served" in name} == {"recall_at_100_minus_served_headroom"}


def test_data_without_ratings_asks_for_nothing_about_stars() -> None:
    eval_config = built(has_ratings=False)
    assert [list(spec.output_names) for spec in eval_config.metrics_specs] == [["item_ids"]]
    assert dict(eval_config.model_specs[0].label_keys) == {"item_ids": "held_out_item_ids"}
    assert [list(spec.feature_keys) for spec in eval_config.slicing_specs] == [[], ["user_activity"]]


@pytest.mark.parametrize(
    ("made_for", "items", "short"),
    [(20, 1_000, True), (100, 1_000, False), (50, 500, False), (None, 1_000, False), (20, None, False)],
)
def test_a_bundle_made_for_shorter_lists_is_told_from_one_of_a_small_catalogue(made_for, items, short) -> None:
    facts = BundleFacts(list_length=made_for, live_items=items)
    assert is_cut_short(EvaluationConfig(k=100), facts) == short  # 500 items: a tenth of them is all


def test_gates_of_ones_own_stand_beside_the_others_and_rules_are_taken_out() -> None:
    config = EvaluationConfig(
        gates={
            "first_page": GateConfig(metric="ndcg_at_10", against="served", rule="not_worse", bound=0.02),
            "order": GateConfig(metric="mrr", against="popularity", rule="better", bound=0.0),
            "stars": GateConfig(metric="mae", against="served", rule="not_worse", bound=0.03),
            "error": GateConfig(metric="mae", against="means", rule="better", bound=0.98),
            "certain": GateConfig(metric="mae", against="served", rule="better", bound=0.0),
            "recall_peer": GateConfig(rule="none"),
            "rmse_change": GateConfig(rule="none"),
        }
    )
    eval_config = built(config, served=FACTS)
    assert bounds(eval_config) == {
        "recall_at_100_minus_popularity_lower": ("lower_bound", 0.0),
        "recall_at_100_minus_served_headroom": ("lower_bound", 0.0),
        "ndcg_at_10_minus_served_headroom": ("lower_bound", 0.0),
        "mrr_minus_popularity_lower": ("lower_bound", 0.0),
        "rmse_ratio_upper": ("upper_bound", 1.0),
        "mae_minus_served_headroom": ("lower_bound", 0.0),
        "mae_ratio_upper": ("upper_bound", 0.98),  # of an error the upper end must be below: lower is better
        "mae_minus_served_upper": ("upper_bound", 0.0),
    }
    assert options(eval_config)["RatingFigures"]["tolerances"] == {"mae_minus_served": 0.03}


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"metric": "coverage_at_10"}, "evaluation.gates.mine.metric"),
        ({"metric": "accuracy"}, "one of recall, ndcg, mrr, rmse, mae"),
        ({"metric": "rmse_at_10"}, "rmse, or a length as in recall_at_10"),
        ({"metric": "ndcg_at_ten"}, "evaluation.gates.mine.metric"),
        ({"metric": "ndcg_at_200"}, "a length of at most evaluation.k"),
        ({"against": "means"}, "one of popularity, peer, served for lists"),
        ({"metric": "rmse", "against": "peer"}, "one of means, served for ratings"),
        ({"rule": "best"}, "one of better, not_worse, none"),
        ({"bound": -0.1}, "0 or more"),
        ({"bound": None}, "evaluation.gates.mine.bound"),
        ({"rule": "better", "bound": 1.0}, "evaluation.gates.mine.bound"),
        ({"metric": "mae", "against": "means", "rule": "not_worse"}, "better, against the means"),
        ({"metric": "mae", "against": "means", "rule": "better", "bound": 0.0}, "above 0"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(gate: dict[str, Any], said: str) -> None:
    good = {"metric": "ndcg_at_10", "against": "served", "rule": "not_worse", "bound": 0.02}
    with pytest.raises(InputError, match=re.escape(said)):
        EvaluationConfig(gates={"mine": GateConfig(**{**good, **gate})})
