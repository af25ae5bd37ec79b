"""The values that a run on Kubeflow may be given when it is submitted, with their defaults.

TFX knows runtime parameters and drops their defaults when it compiles to schema 2.1; a run without
arguments would then be refused. `compiler.py` puts them back from here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from tfx.orchestration.data_types import RuntimeParameter

from components.ingestion.source import SourceFacts
from components.ingestion.sources import find_source
from components.settings import to_json
from pipelines.config import PipelineConfig
from pipelines.kubeflow.submission import DATA_VERSION
from pipelines.per_run import PerRun

_OF_TRAINER = ("epochs", "learning_rate")
_ARGUMENT = {"items": "catalogue"}  # of the ExampleGens, where it is not the key itself


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunParameter:
    """One runtime parameter.

    Attributes:
      name: Its name.
      default: Used where a run gives none; None: every run must give one.
      kind: int, float or str.
      meaning: One line for people.
    """

    name: str
    default: int | float | str | None
    kind: type
    meaning: str

    def placeholder(self) -> RuntimeParameter:
        """What stands in the pipeline for it."""
        return RuntimeParameter(self.name, ptype=self.kind, default=self.default)


def parameters_of(
    config: PipelineConfig, facts: SourceFacts, *, cached: bool, fingerprint: str
) -> tuple[PerRun, list[RunParameter]]:
    """The runtime parameters of a pipeline, where they go and what they are.

    Args:
      config: Every setting; where the defaults come from.
      facts: Of the data.
      cached: Whether steps may be answered from Kubeflow's cache. Its key ignores the contents of files,
        so a run must then say which data it means.
      fingerprint: Of the data, where it is known already; else empty.
    """
    data = {key: _setting("data", config.data, key, key) for key in find_source(config.data.source).parameters}
    retrieval = {key: _setting("retrieval", config.retrieval, key) for key in _OF_TRAINER}
    ranking = {key: _setting("ranking", config.ranking, key) for key in _OF_TRAINER} if facts.has_ratings else {}
    evaluation = RunParameter(
        name="evaluation",
        default=to_json(config.evaluation),
        kind=str,
        meaning="the section `evaluation` as JSON: what is measured, and the bounds of the gates",
    )
    version = RunParameter(
        name=DATA_VERSION,
        default=fingerprint or None,
        kind=str,
        meaning="anything that changes when the data do: the cache knows no contents of files",
    )
    versions = [version] if cached else []
    per_run = PerRun(
        ingestion={_ARGUMENT.get(key, key): one.placeholder() for key, one in data.items()},
        fingerprint=version.placeholder() if cached else None,
        retrieval=_placeholders(retrieval),
        ranking=_placeholders(ranking),
        evaluation=evaluation.placeholder(),
    )
    return per_run, [*data.values(), *retrieval.values(), *ranking.values(), evaluation, *versions]


def with_defaults(definitions: dict[str, Any], parameters: Iterable[RunParameter]) -> None:
    """Writes the defaults and the meanings into a compiled pipeline's `root.inputDefinitions.parameters`."""
    for parameter in parameters:
        definition = definitions[parameter.name]
        definition["description"] = parameter.meaning
        if parameter.default is not None:
            definition["defaultValue"] = parameter.default


def _setting(section: str, settings: Any, key: str, name: str | None = None) -> RunParameter:
    default = getattr(settings, key)
    return RunParameter(
        name=name or f"{section}_{key}", default=default, kind=type(default), meaning=f"in place of {section}.{key}"
    )


def _placeholders(parameters: dict[str, RunParameter]) -> dict[str, RuntimeParameter]:
    return {key: one.placeholder() for key, one in parameters.items()}
