"""Executor of RunReport: the artifacts of a run in, a page and everything that it shows out."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils
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

PROFILE, GATE, BUNDLE, INDEX = "profile", "gate", "model", "index"
RETRIEVAL_RUN, RANKING_RUN = "retrieval_run", "ranking_run"
EMBEDDINGS = "embeddings"
EVALUATION, BLESSING = "evaluation", "blessing"
REPORT = "report"
CONFIG = "config"

TRAININGS = {RETRIEVAL_RUN: "RetrievalTrainer", RANKING_RUN: "RankingTrainer"}
"""By input: whose training it is."""

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Writes the page of a run, blessed or not."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Gathers, asks the bundle for some users, and writes `report.json` and `report.html`."""
        config = from_json(ReportConfig, exec_properties[CONFIG])
        bundle = str(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[BUNDLE])))
        folders = Folders(
            profile=_uri(input_dict, PROFILE),
            training={stage: uri for key, stage in TRAININGS.items() if (uri := _uri(input_dict, key)) is not None},
            index=_uri(input_dict, INDEX),
            bundle=bundle,
            embeddings=_uri(input_dict, EMBEDDINGS),
            evaluation=_uri(input_dict, EVALUATION),
            blessing=_uri(input_dict, BLESSING),
        )
        facts = gather(folders, _gate(input_dict))
        facts = dataclasses.replace(facts, people=describe_people(bundle, config.people))
        folder = artifact_utils.get_single_uri(output_dict[REPORT])
        for name, content in ((REPORT_FACTS, to_json(facts)), (REPORT_PAGE, render(facts))):
            storage_for(folder).write(f"{folder}/{name}", [content.encode()])
        progress.report("%s/%s", folder, REPORT_PAGE)


def _uri(input_dict: Artifacts, key: str) -> str | None:
    found = input_dict.get(key)
    return str(artifact_utils.get_single_uri(found)) if found else None


def _gate(input_dict: Artifacts) -> str:
    gate = artifact_utils.get_single_instance(input_dict[GATE])
    value = gate.read()
    return value if isinstance(value, str) else json.dumps(value)
