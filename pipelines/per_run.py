"""What a run is given when it is submitted, in place of what the configuration says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class PerRun:
    """Runtime parameters by component argument; empty for a local run, whose configuration says everything.

    A value is whatever the orchestrator replaces when a run starts, in TFX a `RuntimeParameter`.

    Attributes:
      ingestion: Arguments of the ExampleGen that override keys of `data`.
      fingerprint: Of the data, where it is not known when the pipeline is put together.
      retrieval: Arguments of the RetrievalTrainer that override keys of `retrieval`.
      ranking: Arguments of the RankingTrainer that override keys of `ranking`.
      evaluation: The whole section `evaluation` as JSON, the bounds of the gates included.
    """

    ingestion: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    fingerprint: Any = None
    retrieval: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    ranking: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    evaluation: Any = None
