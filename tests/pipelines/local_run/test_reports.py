"""The page about runs that did not come to their end, and the command that writes it anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from components.artifacts import DATA_PROFILE, REPORT_FACTS
from components.report.facts import to_json
from pipelines.local_run import reports
from pipelines.local_run.run import RunFailedError
from tests.components.report.reading import ReadPage
from tests.components.report.self_contained import assert_self_contained
from tests.components.report.small_run import PROFILE, facts, summary
from tests.end_to_end.command import assert_explained, recommender
from tests.pipelines import tiny_pipeline


def test_a_run_that_fails_leaves_a_page_that_says_where_and_why(tmp_path):
    with pytest.raises(RunFailedError):
        tiny_pipeline.run(tmp_path, order="fail")
    text = (tmp_path / "report.html").read_text()
    assert_self_contained(text)
    page = ReadPage(text)
    assert "The run failed in SecondStage." in page.words["overview"]
    assert "the second stage is broken" in page.words["overview"]
    assert [row[:2] for row in page.rows["stages"] if row[0].endswith("Stage")] == [
        ["FirstStage", "ok"],
        ["SecondStage", "failed"],
    ]
    assert json.loads((tmp_path / "summary.json").read_text())["report"] == str(tmp_path / "report.html")


def test_an_interrupted_run_has_a_page_too(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        tiny_pipeline.run(tmp_path, order="interrupt")
    assert (
        "The run was interrupted in SecondStage." in ReadPage((tmp_path / "report.html").read_text()).words["overview"]
    )


def test_the_next_run_replaces_the_page(tmp_path):
    with pytest.raises(RunFailedError):
        tiny_pipeline.run(tmp_path, order="fail")
    tiny_pipeline.run(tmp_path)
    assert "broken" not in (tmp_path / "report.html").read_text()


def test_a_page_that_cannot_be_written_costs_no_run(tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "render", lambda *_: 1 / 0)
    done, shown = tiny_pipeline.run(tmp_path)
    assert (done.status, done.report) == ("ok", None)
    assert "the report could not be written" in shown
    assert not (tmp_path / "report.html").exists()


def stage(name: str, **outputs: Path):
    return {
        "id": name,
        "status": "ok",
        "seconds": 1.0,
        "cached": False,
        "outputs": {k: str(v) for k, v in outputs.items()},
    }


def test_where_the_report_stage_did_not_run_the_artifacts_of_those_before_it_are_read(tmp_path):
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / DATA_PROFILE).write_text(json.dumps(PROFILE))
    (tmp_path / "value").write_text('{"warnings": ["one"]}')
    stages = [stage("ExampleGen", profile=tmp_path / "profile"), stage("DataGate", gate=tmp_path / "value")]
    found = reports.facts_of(summary(stages=[*stages, {"id": "Transform", "status": "failed", "seconds": 1.0}]))
    assert found.profile == PROFILE
    assert found.gate == {"warnings": ["one"]}
    assert (found.evaluation, found.index, found.training) == (None, None, {})


def write_run(folder: Path, **changes):
    folder.mkdir(parents=True)
    (folder / "report").mkdir()
    (folder / "report" / REPORT_FACTS).write_text(to_json(facts()))
    whole = summary(stages=[stage("RunReport", report=folder / "report")], **changes)
    (folder / "summary.json").write_text(json.dumps(whole))
    return folder


def test_the_command_takes_the_run_that_was_started_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    newer, older = (
        write_run(tmp_path / "runs" / "b", preset="newer"),
        write_run(tmp_path / "runs" / "a", preset="older"),
    )
    os.utime(older / "summary.json", (1, 1))
    done = recommender("report")
    assert done.code == 0, done.text
    assert done.out.strip() == str(newer / "report.html")
    page = (newer / "report.html").read_text()
    assert "<h1>Run report: newer</h1>" in page
    assert "0.6250" in page  # what the stage has gathered


def test_open_hands_the_page_to_the_browser(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    run = write_run(tmp_path / "run")
    assert recommender("report", run, "--open").code == 0
    assert opened == [(run / "report.html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert_explained(recommender("report", run, "--open"), 2)


def test_what_is_no_run_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_explained(recommender("report"), 2)
    assert_explained(recommender("report", tmp_path / "nowhere"), 2)
    run = write_run(tmp_path / "run")
    assert_explained(recommender("report", run, "--output", tmp_path), 2)
    (run / "summary.json").write_text("{")
    assert_explained(recommender("report", run), 2)
