"""Reads TFMA's output: every metric of every slice, of the judged bundle and of the served one."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import tensorflow_model_analysis as tfma

from components.evaluation import metric_names as names
from components.evaluation.eval_config import of_items
from components.evaluation.results import Figure, SliceFigures
from serving.contract import ITEM_IDS

Slice = tuple[tuple[str, str], ...]
"""Pairs of feature and value; empty for all rows."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """The numbers of an evaluation.

    Attributes:
      model: Metrics of the judged bundle by slice and name.
      served: Those of the served bundle; empty without one.
    """

    model: dict[Slice, dict[str, float]]
    served: dict[Slice, dict[str, float]]

    def overall(self) -> dict[str, Figure]:
        """The metrics of all rows."""
        return self._figures(())

    def slices(self) -> list[SliceFigures]:
        """The metrics of each slice, sorted by feature and value."""
        return [
            SliceFigures(feature=key[0][0], value=key[0][1], metrics=self._figures(key))
            for key in sorted(self.model)
            if key
        ]

    def _figures(self, key: Slice) -> dict[str, Figure]:
        model, served = self.model.get(key, {}), self.served.get(key, {})
        return {
            name: Figure(
                model=number(value),
                baseline=number(model.get(names.baseline(name))),
                peer=number(model.get(names.of_list(names.PEER, name))),
                served=number(served.get(name)),
                lower=number(model.get(names.lower(name))),
                upper=number(model.get(names.upper(name))),
            )
            for name, value in model.items()
            if names.is_own(name)
        }


def read_measured(evaluation_uri: str) -> Measured:
    """Reads TFMA's `metrics-*.tfrecord`.

    Metrics of lists are dropped in slices by item, which only their marked rows' item would name,
    and so is what the lists show of the catalogue in every slice, where it changes with the number of users.
    """
    measured = Measured({}, {})
    for record in tfma.load_metrics(evaluation_uri):
        key = tuple((one.column, _text(one)) for one in record.slice_key.single_slice_keys)
        for pair in record.metric_keys_and_values:
            if _belongs(pair.key, key):
                by_slice = measured.served if pair.key.model_name == tfma.BASELINE_KEY else measured.model
                by_slice.setdefault(key, {})[pair.key.name] = pair.value.double_value.value
    return measured


def number(value: float | None) -> float | None:
    """The number, or None where it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def _belongs(key: Any, slice_key: Slice) -> bool:
    if key.is_diff:  # TFMA's own difference of two models: ours have intervals
        return False
    if not slice_key:
        return True
    if key.output_name == ITEM_IDS and any(of_items(feature) for feature, _ in slice_key):
        return False
    return not any(beginning in key.name for beginning in names.OF_EXPOSURE)


def _text(one: Any) -> str:
    kind = one.WhichOneof("kind")
    value = getattr(one, kind)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
