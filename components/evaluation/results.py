"""The result of an evaluation as plain data: figures, slices, gates. Needs neither TFX nor TFMA."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from components.artifacts import GATE_REPORT
from components.errors import InputError
from components.storage import storage_for

BLESSED_FILE = "BLESSED"  # TFX's mark in a blessing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric of the judged bundle, beside those it is compared with; None where there is no number.

    Attributes:
      model: Of the judged bundle.
      baseline: Of popularity (lists) or of user + item means (ratings).
      peer: Of the peer's lists.
      served: Of the bundle that was being served.
      lower: Lower end of the figure's 95 % interval; scores, differences and ratios have one.
      upper: Its upper end.
    """

    model: float | None
    baseline: float | None = None
    peer: float | None = None
    served: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SliceFigures:
    """The metrics of one slice, for instance `user_activity` = `1-19`."""

    feature: str
    value: str
    metrics: dict[str, Figure]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gate:
    """One condition of the blessing.

    Attributes:
      name: `recall_lift`, `recall_peer`, `recall_change`, `rmse_ratio` or `rmse_change`.
      metric: Name of the difference or ratio that it looks at.
      baseline: What the bundle is compared with, in words.
      passed: Whether it lets the bundle through.
      value: The difference or ratio; None where nothing was compared or measured.
      lower: Lower end of its 95 % interval.
      upper: Upper end of its 95 % interval.
      threshold: What the interval must lie above (`recall_lift`) or below (`rmse_ratio`); else by how
        much the value may change in any case.
      reason: The verdict as a sentence.
      baseline_version: The served version that a change is measured against; else None.
    """

    name: str
    metric: str
    baseline: str
    passed: bool
    reason: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None
    baseline_version: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """What the Evaluator found.

    Attributes:
      blessed: Whether the bundle may be pushed.
      list_length: Length of the judged lists; None where the bundle does not tell.
      served_version: The version that the bundle was compared with; None where nothing was served.
      peer: Name of the peer whose lists were judged beside the bundle's.
      overall: Metrics of all test rows, by name (metric_names.py).
      slices: The same for parts of the test rows.
      gates: The conditions of the blessing, each with its verdict.
    """

    blessed: bool
    list_length: int | None
    served_version: str | None
    peer: str
    overall: dict[str, Figure]
    slices: list[SliceFigures]
    gates: list[Gate]


def to_json(result: EvaluationResult) -> str:
    """The result as JSON (no NaN: a missing number is null)."""
    return json.dumps(dataclasses.asdict(result), indent=1, allow_nan=False)


def from_json(text: str) -> EvaluationResult:
    """The inverse of `to_json`."""
    return from_values(json.loads(text))


def from_values(values: Mapping[str, Any]) -> EvaluationResult:
    """The result from the content of `gates.json`."""
    return EvaluationResult(
        blessed=values["blessed"],
        list_length=values["list_length"],
        served_version=values["served_version"],
        peer=values["peer"],
        overall=_figures(values["overall"]),
        slices=[
            SliceFigures(feature=one["feature"], value=one["value"], metrics=_figures(one["metrics"]))
            for one in values["slices"]
        ],
        gates=[Gate(**gate) for gate in values["gates"]],
    )


def read_evaluation(
    evaluation_uri: str, blessing_uri: str | None = None, list_length: int | None = None
) -> EvaluationResult:
    """Reads what the Evaluator left in its artifacts.

    Args:
      evaluation_uri: Of its `evaluation`.
      blessing_uri: Of its `blessing`; when given, its mark decides about `blessed`.
      list_length: Length of the judged lists, where the caller knows it and the result does not.

    Raises:
      InputError: There is no finished evaluation.
    """
    path = f"{evaluation_uri}/{GATE_REPORT}"
    storage = storage_for(path)
    if not storage.exists(path):
        raise InputError(
            f"no finished evaluation in {evaluation_uri}",
            expected=f"the file {GATE_REPORT}",
            action="let the pipeline run to its end",
        )
    result = from_json(b"".join(storage.read(path)).decode())
    blessed = result.blessed if blessing_uri is None else storage.exists(f"{blessing_uri}/{BLESSED_FILE}")
    return dataclasses.replace(result, blessed=blessed, list_length=result.list_length or list_length)


def _figures(values: dict[str, dict[str, float | None]]) -> dict[str, Figure]:
    return {name: Figure(**figure) for name, figure in values.items()}
