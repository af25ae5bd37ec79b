"""Reads a user's judged list and held-out movies from what TFMA hands to a metric.

A test row is a user's *marked row* when its label lists held-out movies; every other row is
skipped, so that a user counts once. Seen movies are left out of the lists by the bundle's
signature `evaluate`, so a metric never meets them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

Score = Callable[[Sequence[bytes], "frozenset[bytes]"], float]
"""Scores a list (best first, no duplicates) against the set of held-out movies, which is not empty."""


@dataclasses.dataclass(frozen=True)
class UserScore:
    """The score of one user's list, or by how much it exceeds that of a second list.

    Attributes:
      score: The formula.
      of: Output of the signature that is judged, string `[K]` a row, padded with "".
      against: Output that is judged likewise and subtracted: a paired difference.
      model_name: TFMA's name of the model.
      output_name: Output whose label holds the held-out movies.
    """

    score: Score
    of: str
    against: str | None
    model_name: str
    output_name: str

    def __call__(self, inputs: Any) -> float | None:
        """The user's value, or None for a row that is not marked."""
        held_out = frozenset(ids(inputs.get_labels(self.model_name, self.output_name)))
        if not held_out:
            return None
        outputs = inputs.get_predictions(self.model_name)
        value = self.score(ids(outputs[self.of]), held_out)
        return value - self.score(ids(outputs[self.against]), held_out) if self.against else value


def ids(values: Any) -> list[bytes]:
    """Movie ids in their order, without padding and without repetitions; [] for a missing feature."""
    if values is None:
        return []
    values = getattr(values, "values", values)
    return list(dict.fromkeys(value for value in values.reshape(-1).tolist() if value))
