"""The verdicts of the thresholds, each as a sentence that a person can read."""

from __future__ import annotations

from typing import Any

import tensorflow_model_analysis as tfma

from components.evaluation import metric_names as names
from components.evaluation.eval_config import options_of, strict_bound
from components.evaluation.measured import Measured, number
from components.evaluation.results import EvaluationResult, Gate


def judge(
    evaluation_uri: str, eval_config: Any, measured: Measured, list_length: int | None, served_version: str | None
) -> EvaluationResult:
    """Joins TFMA's numbers and verdicts.

    Args:
      evaluation_uri: Where TFMA wrote them.
      eval_config: The configuration, with the thresholds of change even where nothing was compared.
      measured: The numbers.
      list_length: Length of the judged lists.
      served_version: The version compared with; None where nothing was served.
    """
    validation = tfma.load_validation_result(evaluation_uri)
    failed = {
        (failure.metric_key.name, failure.metric_key.is_diff)
        for one in validation.metric_validations_per_slice
        for failure in one.failures
    }
    return EvaluationResult(
        blessed=bool(validation.validation_ok),
        list_length=list_length,
        served_version=served_version,
        overall=measured.overall(),
        slices=measured.slices(),
        gates=list(_gates(eval_config, measured, failed, served_version)),
    )


def _gates(eval_config: Any, measured: Measured, failed: set[tuple[str, bool]], served_version: str | None) -> Any:
    for spec in eval_config.metrics_specs:
        for metric in spec.metrics:
            for one in metric.per_slice_thresholds:
                options, threshold = options_of(metric), one.threshold
                if threshold.HasField("value_threshold"):
                    passed = (options["name"], False) not in failed
                    yield _value_gate(metric.class_name, options, threshold.value_threshold, measured, passed)
                if threshold.HasField("change_threshold"):
                    passed = (options["name"], True) not in failed
                    allowed = threshold.change_threshold.absolute.value
                    yield _change_gate(options["name"], allowed, measured, passed, served_version)


def _value_gate(class_name: str, options: dict[str, Any], threshold: Any, measured: Measured, passed: bool) -> Gate:
    name, bound = options["name"], strict_bound(threshold)
    values = measured.model.get((), {})
    value = number(values.get(name))
    if class_name == "RecallLiftBound":
        gate, reason = "recall_lift", _lift_reason(options["cut_off"], value, bound, passed)
    else:
        gate, reason = "rmse_ratio", _ratio_reason(values, value, bound, passed)
    return Gate(name=gate, metric=name, passed=passed, value=value, threshold=bound, reason=reason)


def _lift_reason(cut_off: int, value: float | None, bound: float, passed: bool) -> str:
    if value is None:
        return f"recall@{cut_off} could not be measured: no test row has held-out movies"
    beats = "beats" if passed else "does not clearly beat"
    isnt = "is" if passed else "is not"
    return f"recall@{cut_off} {beats} popularity: the lower bound of the lift, {value:.4f}, {isnt} above {bound:g}"


def _ratio_reason(values: dict[str, float], value: float | None, bound: float, passed: bool) -> str:
    if value is None:
        return "RMSE could not be measured: no test row has a rating, or a predicted rating is not a number"
    model, means = values[names.RMSE], values[names.baseline(names.RMSE)]
    isnt = "is" if passed else "is not"
    return f"RMSE {model:.4f} against {means:.4f} of user + movie means: the ratio {value:.4f} {isnt} below {bound:g}"


def _change_gate(name: str, allowed: float, measured: Measured, passed: bool, served_version: str | None) -> Gate:
    of_rating = name == names.RMSE
    gate = "rmse_change" if of_rating else "recall_change"
    label = "RMSE" if of_rating else name.replace("_at_", "@")
    change = number(measured.change.get((), {}).get(name)) if served_version is not None else None
    return Gate(
        name=gate,
        metric=name,
        passed=passed,
        value=change,
        threshold=allowed,
        reason=_change_reason(label, name, change, allowed, measured, served_version),
        baseline_version=served_version,
    )


def _change_reason(
    label: str, name: str, change: float | None, allowed: float, measured: Measured, served_version: str | None
) -> str:
    if served_version is None:
        return f"nothing is served yet: {label} not compared"
    if change is None:
        return f"{label} could not be compared with the served version {served_version}: one of the two is not a number"
    model, served = measured.model[()][name], measured.served[()][name]
    limit = f"it may {'rise' if allowed > 0 or name == names.RMSE else 'drop'} by {abs(allowed):g}"
    return f"{label} {model:.4f} against {served:.4f} of the served version {served_version} ({change:+.4f}); {limit}"
