"""Reads a test row from what TFMA hands to a metric.

With one model TFMA keeps labels and predictions by output; with two, by model (`candidate`,
`baseline`: TFX's names) and then by output. Features are the same for both. A test row is a user's
*marked row* when its label lists held-out items; a list metric skips every other row, so that a
user counts once. Seen items are left out of all lists, so a metric never meets them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma

from components.features import USER_ID


@dataclasses.dataclass(frozen=True)
class ModelRoles:
    """TFMA's names of the models of an evaluation.

    Attributes:
      judged: The bundle that is judged; "" where it is the only one.
      served: The bundle that is served; None where nothing is compared.
    """

    judged: str
    served: str | None

    @classmethod
    def of(cls, names: list[str]) -> ModelRoles:
        """The two roles among TFMA's names, in whichever order they come."""
        judged = next(name for name in names if name != tfma.BASELINE_KEY)
        return cls(judged, tfma.BASELINE_KEY if tfma.BASELINE_KEY in names else None)


@dataclasses.dataclass(frozen=True)
class JudgedRow:
    """A test row.

    Attributes:
      extracts: TFMA's extracts of one row.
      models: Names of the models.
    """

    extracts: Any
    models: ModelRoles

    def user(self) -> int:
        """A 64-bit hash of the user's id."""
        (value,) = np.asarray(self.feature(USER_ID)).reshape(-1)
        return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "big")

    def feature(self, name: str) -> Any:
        """A raw feature of the row; None where the row lacks it."""
        return self.extracts[tfma.FEATURES_KEY].get(name)

    def label(self, output: str) -> Any:
        """The label of an output; None where the row lacks it."""
        return self._of_model(tfma.LABELS_KEY, self.models.judged, output)

    def judged(self, output: str) -> Any:
        """An output of the judged bundle."""
        return self._of_model(tfma.PREDICTIONS_KEY, self.models.judged, output)

    def served(self, output: str) -> Any:
        """An output of the served bundle; None where there is none."""
        if self.models.served is None:
            return None
        return self._of_model(tfma.PREDICTIONS_KEY, self.models.served, output)

    def _of_model(self, key: str, model: str, output: str) -> Any:
        values = self.extracts[key]
        return values.get(model, values).get(output)


def ids(values: Any) -> list[bytes]:
    """Item ids in their order, without padding and without repetitions; [] for a missing feature."""
    if values is None:
        return []
    values = getattr(values, "values", values)
    return list(dict.fromkeys(value for value in values.reshape(-1).tolist() if value))


def number(values: Any) -> float | None:
    """The row's number; None for a missing feature."""
    if values is None:
        return None
    flat = np.asarray(getattr(values, "values", values), dtype=np.float64).reshape(-1)
    return float(flat[0]) if flat.size else None
