"""Builds TFMA's EvalConfig: what is measured, in which slices, and the thresholds of the blessing.

`build_eval_config` needs the settings only and runs when the pipeline is put together. What depends
on the bundles themselves (list length, size of the catalogue, what is served) is filled in by
`fit_to_bundles` when they exist.
"""

from __future__ import annotations

import json
from typing import Any

import tensorflow_model_analysis as tfma

from components import features
from components.evaluation import metric_names as names
from components.evaluation.bundle_facts import BundleFacts
from components.evaluation.config import EvaluationConfig
from serving import contract

_METRICS = "components.evaluation.metrics"
_STRICTLY = 1e-9  # TFMA's bounds are inclusive: a lift of exactly 0 must not pass "above 0"

RATING_SLICES = (features.MOVIE_POPULARITY, features.MOVIE_GENRES)
"""Slices of ratings only. TFMA slices every metric, but a user's list belongs to no movie's slice."""


def build_eval_config(config: EvaluationConfig, has_ratings: bool) -> Any:
    """The `tfma.EvalConfig` of these settings.

    Args:
      config: The settings.
      has_ratings: Whether the data has ratings; without them nothing is said of stars.
    """
    label_keys = {contract.MOVIE_IDS: features.HELD_OUT_MOVIE_IDS}
    metrics_specs = [tfma.MetricsSpec(output_names=[contract.MOVIE_IDS], metrics=_list_metrics(config))]
    slices = [features.USER_ACTIVITY]
    if has_ratings:
        label_keys[contract.PREDICTED_RATING] = features.RATING
        metrics_specs.append(
            tfma.MetricsSpec(output_names=[contract.PREDICTED_RATING], metrics=_rating_metrics(config))
        )
        slices += RATING_SLICES
    return tfma.EvalConfig(
        # No name: TFX adds those of candidate and baseline.
        model_specs=[tfma.ModelSpec(signature_name=contract.EVALUATE, label_keys=label_keys)],
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[key]) for key in slices)],
        metrics_specs=metrics_specs,
    )


def fit_to_bundles(eval_config: Any, model: BundleFacts, served: BundleFacts | None) -> Any:
    """Fits the configuration to the bundle that is judged and to the one that is served.

    - A cut-off beyond the bundle's list becomes the list's length, in the metric's name too.
    - Coverage learns the size of the catalogue.
    - The recall that may not drop is compared at the shorter of the two lists.
    - Ratings are compared only with a served bundle that has some.

    Args:
      eval_config: What `build_eval_config` returned.
      model: Facts of the bundle that is judged.
      served: Facts of the served bundle; None where nothing is served.
    """
    fitted = tfma.EvalConfig()
    fitted.CopyFrom(eval_config)
    for spec in fitted.metrics_specs:
        metrics = [_fit_metric(metric, model) for metric in spec.metrics]
        if served is not None and served.list_length is not None:
            metrics = _compare_at(metrics, served.list_length)
        if served is not None and not served.has_ratings:
            for metric in metrics:
                if metric.class_name == "RatingError":
                    _take_change_threshold(metric)
        del spec.metrics[:]
        spec.metrics.extend(_first_of_each_name(metrics))
    return fitted


def options_of(metric: Any) -> dict[str, Any]:
    """The arguments of a MetricConfig."""
    options: dict[str, Any] = json.loads(metric.config)
    return options


def strict_bound(threshold: Any) -> float:
    """The bound that a value must be truly above, or below, from a GenericValueThreshold."""
    if threshold.HasField("lower_bound"):
        return round(float(threshold.lower_bound.value) - _STRICTLY, 12)
    return round(float(threshold.upper_bound.value) + _STRICTLY, 12)


def _list_metrics(config: EvaluationConfig) -> list[Any]:
    recall = names.recall_at(config.k)
    popular: dict[str, Any] = {"of": contract.POPULAR_MOVIE_IDS}
    against: dict[str, Any] = {"against": contract.POPULAR_MOVIE_IDS}
    metrics = [
        _metric("label_count", "LabelCount", names.USERS),
        _metric(
            "recall",
            "RecallAtK",
            recall,
            _may_drop(config.max_recall_drop),
            cut_off=config.k,
        ),
        _metric(
            "recall_lift_bound",
            "RecallLiftBound",
            names.lift_lower_bound(recall),
            _above(config.min_recall_lift),
            cut_off=config.k,
            samples=config.bootstrap_samples,
            seed=config.seed,
        ),
    ]
    for cut_off in sorted({config.k, *config.cut_offs}, reverse=True):
        for module, class_name, name in (
            ("recall", "RecallAtK", names.recall_at(cut_off)),
            ("ndcg", "NDCGAtK", names.ndcg_at(cut_off)),
        ):
            metrics += [
                _metric(module, class_name, name, cut_off=cut_off),
                _metric(module, class_name, names.baseline(name), cut_off=cut_off, **popular),
                _metric(module, class_name, names.lift(name), cut_off=cut_off, **against),
            ]
    coverage = names.coverage_at(names.COVERAGE_CUT_OFF)
    metrics += [
        _metric("reciprocal_rank", "ReciprocalRank", names.MRR),
        _metric("reciprocal_rank", "ReciprocalRank", names.baseline(names.MRR), **popular),
        _metric("reciprocal_rank", "ReciprocalRank", names.lift(names.MRR), **against),
        _metric("coverage", "Coverage", coverage, cut_off=names.COVERAGE_CUT_OFF),
        _metric("coverage", "Coverage", names.baseline(coverage), cut_off=names.COVERAGE_CUT_OFF, **popular),
    ]
    return _first_of_each_name(metrics)


def _rating_metrics(config: EvaluationConfig) -> list[Any]:
    def error(name: str, thresholds: list[Any] | None = None, **options: Any) -> Any:
        return _metric("rating_error", "RatingError", name, thresholds, **options)

    means: dict[str, Any] = {"of": contract.BASELINE_RATING}
    return [
        _metric("label_count", "LabelCount", names.ROWS),
        error(names.RMSE, _may_rise(config.max_rmse_rise), kind="root"),
        error(
            names.RMSE_RATIO,
            _below(config.max_rmse_ratio),
            kind="root",
            against=contract.BASELINE_RATING,
        ),
        error(names.MAE, kind="absolute"),
        error(names.baseline(names.RMSE), kind="root", **means),
        error(names.baseline(names.MAE), kind="absolute", **means),
    ]


def _metric(module: str, class_name: str, name: str, thresholds: list[Any] | None = None, **options: Any) -> Any:
    return tfma.MetricConfig(
        class_name=class_name,
        module=f"{_METRICS}.{module}",
        config=json.dumps({"name": name, **options}, sort_keys=True),
        per_slice_thresholds=thresholds or [],
    )


def _overall(threshold: Any) -> list[Any]:
    # MetricConfig.threshold would hold in every slice, and one empty genre would refuse a good model.
    return [tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=threshold)]


def _above(bound: float) -> list[Any]:
    value = tfma.GenericValueThreshold(lower_bound={"value": bound + _STRICTLY})
    return _overall(tfma.MetricThreshold(value_threshold=value))


def _below(bound: float) -> list[Any]:
    value = tfma.GenericValueThreshold(upper_bound={"value": bound - _STRICTLY})
    return _overall(tfma.MetricThreshold(value_threshold=value))


def _may_drop(most: float) -> list[Any]:
    change = tfma.GenericChangeThreshold(direction="HIGHER_IS_BETTER", absolute={"value": -most})
    return _overall(tfma.MetricThreshold(change_threshold=change))


def _may_rise(most: float) -> list[Any]:
    change = tfma.GenericChangeThreshold(direction="LOWER_IS_BETTER", absolute={"value": most})
    return _overall(tfma.MetricThreshold(change_threshold=change))


def _fit_metric(metric: Any, model: BundleFacts) -> Any:
    options = options_of(metric)
    cut_off = options.get("cut_off")
    if cut_off and model.list_length and cut_off > model.list_length:
        options.update(cut_off=model.list_length, name=names.renamed(options["name"], cut_off, model.list_length))
    if metric.class_name == "Coverage":
        options["catalogue_size"] = model.movies or 0
    return _with_options(metric, options)


def _compare_at(metrics: list[Any], served_length: int) -> list[Any]:
    """Moves the allowed drop of recall to the served bundle's list length, where that is shorter."""
    compared = next((metric for metric in metrics if metric.class_name == "RecallAtK" and _has_change(metric)), None)
    if compared is None or options_of(compared)["cut_off"] <= served_length:
        return metrics
    shorter = _with_options(compared, {"name": names.recall_at(served_length), "cut_off": served_length})
    _take_change_threshold(compared)
    return [shorter, *metrics]


def _has_change(metric: Any) -> bool:
    return any(one.threshold.HasField("change_threshold") for one in metric.per_slice_thresholds)


def _take_change_threshold(metric: Any) -> None:
    kept = [one for one in metric.per_slice_thresholds if not one.threshold.HasField("change_threshold")]
    del metric.per_slice_thresholds[:]
    metric.per_slice_thresholds.extend(kept)


def _with_options(metric: Any, options: dict[str, Any]) -> Any:
    changed = tfma.MetricConfig()
    changed.CopyFrom(metric)
    changed.config = json.dumps(options, sort_keys=True)
    return changed


def _first_of_each_name(metrics: list[Any]) -> list[Any]:
    by_name: dict[str, Any] = {}
    for metric in metrics:
        by_name.setdefault(options_of(metric)["name"], metric)
    return list(by_name.values())
