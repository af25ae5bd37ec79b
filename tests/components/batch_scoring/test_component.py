"""The stage at the end of a run, and who may listen to it."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.batch_scoring.config import BatchScoresConfig
from components.batch_scoring.executor import Executor
from components.progress import LOGGER
from components.settings import to_json


def execute(folder, properties, **config):
    pushed, scores = standard_artifacts.PushedModel(), standard_artifacts.InferenceResult()
    for name, value in properties.items():
        pushed.set_string_custom_property(name, value)
    scores.uri = str(folder)
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(folder), unique_id="1"
    )
    Executor(context).Do(
        {"pushed_model": [pushed]}, {"scores": [scores]}, {"config": to_json(BatchScoresConfig(enabled=True, **config))}
    )
    return scores


def test_the_pushed_version_scores_all_its_users(bundle, tmp_path):
    scores = execute(tmp_path, {"pushed_version": "7", "pushed_destination": str(bundle.path)}, n=3)
    table = pq.read_table(tmp_path / "scores.parquet")
    assert len(set(table["user_id"].to_pylist())) == scores.get_int_custom_property("users") == 300
    assert table.num_rows == scores.get_int_custom_property("rows") == 900
    assert scores.get_string_custom_property("pushed_version") == "7"
    assert json.loads((tmp_path / "scores.parquet.summary.json").read_text())["engine"] == "FnApiRunner"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.parquet", "scores.parquet.summary.json"]


def test_nobody_is_scored_where_nothing_was_pushed(tmp_path, caplog):
    LOGGER.addHandler(caplog.handler)
    try:
        scores = execute(tmp_path, {})
    finally:
        LOGGER.removeHandler(caplog.handler)
    assert "nothing was pushed" in caplog.text
    assert list(tmp_path.iterdir()) == []
    assert not scores.has_custom_property("pushed_version")
