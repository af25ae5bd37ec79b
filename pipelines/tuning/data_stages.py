"""Runs the pipeline as far as the trainers need it: what a run of the same data and settings has made is reused."""

from __future__ import annotations

import dataclasses

from components.errors import InputError
from pipelines.config import PipelineConfig
from pipelines.local_run.run import RunView, open_recommender
from pipelines.local_run.run_folder import RunFolder
from pipelines.local_run.runner import LocalRunner
from pipelines.tuning.trials import RANKING, TrialFiles, files_of

LAST = "Transform"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedData:
    """Data on which trials can be trained.

    Attributes:
      files: Where they lie.
      fingerprint: Of the source.
      source: The data set in words.
    """

    files: TrialFiles
    fingerprint: str
    source: str


def prepare(config: PipelineConfig, folder: RunFolder, view: RunView, model: str) -> PreparedData:
    """Ingests, validates and transforms the data in the run's folder, whose lock the caller holds.

    Raises:
      StageFailedError: A stage failed.
      InputError: The data cannot be used, or carry no ratings and the rating model is to be tuned.
    """
    opened = open_recommender(config, folder)
    if model == RANKING and not opened.has_ratings:
        raise InputError(
            "these data carry no ratings, so there is no rating model to tune",
            expected="a rating column",
            received=opened.source,
            action="name it with --columns rating=COLUMN, or tune --model retrieval",
        )
    runner = LocalRunner(view, until=(LAST,))
    runner.run(opened.pipeline)
    return PreparedData(
        files=files_of({result.id: result.outputs for result in runner.results}),
        fingerprint=opened.fingerprint,
        source=opened.source,
    )
