"""A run as the sections of the page see it: what the stages left, and what the run as a whole did."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.evaluation.results import EvaluationResult, Figure, from_values
from components.report.facts import RunFacts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the page is made of.

    Attributes:
      facts: What the stages left.
      summary: The run's `summary.json`; empty where a stage writes the page and nobody knows of the whole run.
    """

    facts: RunFacts
    summary: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def evaluation(self) -> EvaluationResult | None:
        """The Evaluator's figures; None before it has run."""
        return None if self.facts.evaluation is None else from_values(self.facts.evaluation)

    @property
    def figures(self) -> Mapping[str, Figure]:
        """On all test rows, by name."""
        return {} if self.evaluation is None else self.evaluation.overall

    def setting(self, section: str, key: str) -> Any:
        """A value of the run's configuration; None where it is not known."""
        return self.summary.get("config", {}).get(section, {}).get(key)
