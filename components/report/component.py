"""RunReport: what a person reads of a run."""

import dataclasses
import json

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact, standard_artifacts
from tfx.utils import path_utils

from components import progress
from components.artifacts import REPORT_FACTS, REPORT_PAGE
from components.report.config import ReportConfig
from components.report.facts import to_json
from components.report.gather import Folders, gather
from components.report.page import render
from components.report.people import describe_people
from components.settings import from_json
from components.storage import storage_for

# No `from __future__ import annotations`: TFX reads the types themselves.


@component
def RunReport(
    profile: InputArtifact[standard_artifacts.ExampleStatistics],
    gate: InputArtifact[standard_artifacts.String],
    retrieval_run: InputArtifact[standard_artifacts.ModelRun],
    index: InputArtifact[standard_artifacts.Model],
    model: InputArtifact[standard_artifacts.Model],
    embeddings: InputArtifact[standard_artifacts.ModelEvaluation],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    blessing: InputArtifact[standard_artifacts.ModelBlessing],
    config: Parameter[str],
    report: OutputArtifact[standard_artifacts.ModelEvaluation],
    ranking_run: InputArtifact[standard_artifacts.ModelRun] = None,
) -> None:
    """Puts a run's artifacts into one HTML page that opens from disk.

    It looks at the blessing and does not ask for it: a bundle that is refused is reported like any other.
    Nothing of it depends on the push, so that an unchanged run finds the page in the cache.

    Args:
      profile: What ExampleGen counted.
      gate: What DataGate says.
      retrieval_run: The RetrievalTrainer's log.
      index: The index, for its report.
      model: The bundle.
      embeddings: The map of the items and the genres.
      evaluation: The Evaluator's figures.
      blessing: Its verdict.
      config: A ReportConfig as JSON.
      report: Output: `report.html`, and `report.json` with everything that the page shows.
      ranking_run: The RankingTrainer's log; None for data without ratings.
    """
    bundle = str(path_utils.serving_model_path(model.uri))
    trainings = {"RetrievalTrainer": retrieval_run, "RankingTrainer": ranking_run}
    folders = Folders(
        profile=profile.uri,
        training={stage: run.uri for stage, run in trainings.items() if run is not None},
        index=index.uri,
        bundle=bundle,
        embeddings=embeddings.uri,
        evaluation=evaluation.uri,
        blessing=blessing.uri,
    )
    facts = gather(folders, _text_of(gate))
    facts = dataclasses.replace(facts, people=describe_people(bundle, from_json(ReportConfig, config).people))
    for name, content in ((REPORT_FACTS, to_json(facts)), (REPORT_PAGE, render(facts))):
        storage_for(report.uri).write(f"{report.uri}/{name}", [content.encode()])
    progress.report("%s/%s", report.uri, REPORT_PAGE)


def _text_of(gate: Artifact) -> str:
    value = gate.read()
    return value if isinstance(value, str) else json.dumps(value)
