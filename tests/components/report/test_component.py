"""The stage on real artifacts: a refused bundle of a small run gets its page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfx.types import standard_artifacts

from components.report.component import RunReport
from components.report.facts import from_json
from tests.components.bundle.small_bundle import build_bundle
from tests.components.report.reading import ReadPage
from tests.components.report.self_contained import assert_self_contained
from tests.components.report.small_run import EVALUATION, GENRES, INDEX, ITEM_MAP, PROFILE, RANKING, RETRIEVAL

FILES = {
    "profile": (standard_artifacts.ExampleStatistics, {"profile.json": PROFILE}),
    "retrieval_run": (standard_artifacts.ModelRun, {"training.json": RETRIEVAL}),
    "ranking_run": (standard_artifacts.ModelRun, {"training.json": RANKING}),
    "index": (standard_artifacts.Model, {"index.json": INDEX}),
    "embeddings": (standard_artifacts.ModelEvaluation, {"map.json": ITEM_MAP, "genres.json": GENRES}),
    # The mark of the blessing decides, and there is none.
    "evaluation": (
        standard_artifacts.ModelEvaluation,
        {"gates.json": {**dataclasses.asdict(EVALUATION), "blessed": True}},
    ),
    "blessing": (standard_artifacts.ModelBlessing, {"NOT_BLESSED": ""}),
}


def artifact(kind: Any, folder: Path) -> Any:
    made = kind()
    made.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return made


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    root = tmp_path_factory.mktemp("run")
    found = {}
    for key, (kind, files) in FILES.items():
        found[key] = [artifact(kind, root / key)]
        for name, content in files.items():
            (root / key / name).write_text(json.dumps(content))
    gate = standard_artifacts.String()
    gate.uri = str(root / "gate")
    gate.write(json.dumps({"warnings": ["a warning"], "drift": None}))
    model = artifact(standard_artifacts.Model, root / "model")
    build_bundle(
        root / "model" / "Format-Serving",
        item_ids=["a", "b", "c"],
        genres=[["Drama"], [], ["Drama"]],
        vectors=np.array([[1.0, 0], [0, 1], [2, 1]]),
        biases=np.zeros(3),
        users={"Ann": [0], "Bo": [1, 2]},
        test_rows={},
    )
    return {**found, "gate": [gate], "model": [model]}


def report(inputs: dict[str, list[Any]], folder: Path, people: int = 5) -> str:
    output = artifact(standard_artifacts.ModelEvaluation, folder)
    given = {key: artifact for key, (artifact,) in inputs.items()}
    RunReport.test_call(**given, config=json.dumps({"people": people}), report=output)
    return (folder / "report.html").read_text()


def test_a_refused_bundle_has_every_section(inputs, tmp_path):
    text = report(inputs, tmp_path)
    assert_self_contained(text)
    page = ReadPage(text)
    assert {"overview", "gates", "metrics", "slices", "reach", "people", "item_map", "genres"} <= set(page.words)
    assert {"data", "training", "index"} <= set(page.words)
    assert "The bundle is refused" in page.words["overview"]
    assert "a warning" in page.words["data"]
    assert ["1", "3", "2", "0.7500", "1.2500", "2"] in page.rows["training"]
    assert "User Ann" in page.words["people"]
    facts = from_json((tmp_path / "report.json").read_text())
    assert [person.user_id for person in facts.people] == ["Ann", "Bo"]


def test_data_without_ratings_have_no_ranking_run_and_people_may_be_left_out(inputs, tmp_path):
    page = ReadPage(report({key: one for key, one in inputs.items() if key != "ranking_run"}, tmp_path, people=0))
    assert "Retrieval" in page.words["training"]
    assert "Ranking" not in page.words["training"]
    assert "people" not in page.words
