"""What is asked of TFMA, and how it is fitted to the bundles at hand."""

from __future__ import annotations

from typing import Any

import pytest

from components.evaluation.bundle_facts import BundleFacts
from components.evaluation.config import EvaluationConfig
from components.evaluation.eval_config import build_eval_config, fit_to_bundles, options_of, strict_bound


def metrics(eval_config: Any) -> dict[str, Any]:
    return {options_of(metric)["name"]: metric for spec in eval_config.metrics_specs for metric in spec.metrics}


def changes(eval_config: Any) -> dict[str, float]:
    return {
        name: one.threshold.change_threshold.absolute.value
        for name, metric in metrics(eval_config).items()
        for one in metric.per_slice_thresholds
        if one.threshold.HasField("change_threshold")
    }


def bounds(eval_config: Any) -> dict[str, float]:
    return {
        name: strict_bound(one.threshold.value_threshold)
        for name, metric in metrics(eval_config).items()
        for one in metric.per_slice_thresholds
        if one.threshold.HasField("value_threshold")
    }


FACTS = BundleFacts(list_length=100, movies=9742, has_ratings=True)


def test_thresholds_are_those_of_the_settings_and_hold_overall_only() -> None:
    config = EvaluationConfig(min_recall_lift=0.02, max_rmse_ratio=0.95, max_recall_drop=0.03, max_rmse_rise=0.04)
    built = build_eval_config(config, has_ratings=True)
    assert bounds(built) == {"recall_at_100_minus_popularity_lower": 0.02, "rmse_ratio": 0.95}
    assert changes(built) == {"recall_at_100": -0.03, "rmse": 0.04}
    for metric in metrics(built).values():
        assert not metric.HasField("threshold")  # that one would hold in every slice
        for one in metric.per_slice_thresholds:
            assert [list(spec.feature_keys) for spec in one.slicing_specs] == [[]]


def test_every_metric_has_a_name_of_its_own_and_a_class_that_takes_its_options() -> None:
    import importlib

    built = fit_to_bundles(build_eval_config(EvaluationConfig(), has_ratings=True), FACTS, None)
    names = [options_of(metric)["name"] for spec in built.metrics_specs for metric in spec.metrics]
    assert len(names) == len(set(names))
    for name, metric in metrics(built).items():
        made = getattr(importlib.import_module(metric.module), metric.class_name)(**options_of(metric))
        assert made.name == name


def test_lists_that_are_shorter_than_asked_rename_their_metrics() -> None:
    built = build_eval_config(EvaluationConfig(k=100, cut_offs=(10, 20)), has_ratings=False)
    fitted = fit_to_bundles(built, BundleFacts(list_length=15, movies=150), None)
    cut_offs = {name: options_of(metric).get("cut_off") for name, metric in metrics(fitted).items()}
    assert {name: k for name, k in cut_offs.items() if name.startswith("recall")} == {
        "recall_at_10": 10,
        "recall_at_10_minus_popularity": 10,
        "recall_at_15": 15,
        "recall_at_15_minus_popularity": 15,
        "recall_at_15_minus_popularity_lower": 15,
    }
    assert bounds(fitted) == {"recall_at_15_minus_popularity_lower": 0.0}
    assert changes(fitted) == {"recall_at_15": -0.01}
    assert options_of(metrics(fitted)["coverage_at_10"])["catalogue_size"] == 150


@pytest.mark.parametrize(("served_length", "compared"), [(100, 100), (40, 40), (20, 20), (120, 100), (None, 100)])
def test_recall_is_compared_at_the_shorter_of_the_two_lists(served_length: int | None, compared: int) -> None:
    built = build_eval_config(EvaluationConfig(), has_ratings=True)
    fitted = fit_to_bundles(built, FACTS, BundleFacts(list_length=served_length))
    assert changes(fitted) == {f"recall_at_{compared}": -0.01, "rmse": 0.01}
    assert options_of(metrics(fitted)[f"recall_at_{compared}"])["cut_off"] == compared
    assert bounds(fitted)["recall_at_100_minus_popularity_lower"] == 0.0


def test_stars_are_not_compared_with_a_served_bundle_that_has_none() -> None:
    built = build_eval_config(EvaluationConfig(), has_ratings=True)
    fitted = fit_to_bundles(built, FACTS, BundleFacts(list_length=100, has_ratings=False))
    assert changes(fitted) == {"recall_at_100": -0.01}
    assert bounds(fitted)["rmse_ratio"] == 1.0


def test_data_without_ratings_asks_for_nothing_about_stars() -> None:
    built = build_eval_config(EvaluationConfig(), has_ratings=False)
    assert [list(spec.output_names) for spec in built.metrics_specs] == [["movie_ids"]]
    assert dict(built.model_specs[0].label_keys) == {"movie_ids": "held_out_movie_ids"}
    assert [list(spec.feature_keys) for spec in built.slicing_specs] == [[], ["user_activity"]]
