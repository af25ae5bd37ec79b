import dataclasses
import json
import re
import threading
from pathlib import Path

from components.evaluation.results import Figure, Gate, SliceFigures
from pipelines.local_run.summary import (
    BatchScoresSummary,
    DataSummary,
    EvaluationSummary,
    Failure,
    PushSummary,
    StageSummary,
    Summary,
    TrainingSummary,
    write_summary,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "summary.md"
TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "object": dict, "null": type(None)}

FULL = Summary(
    status="ok",
    preset="demo",
    config={"data": {"source": "demo"}},
    started="2026-01-01T00:00:00+00:00",
    finished="2026-01-01T00:01:00+00:00",
    seconds=60.0,
    everything_cached=False,
    stages=[StageSummary(id="Transform", status="ok", seconds=1.5, cached=True, outputs={"a": "/a/1"})],
    data=DataSummary(
        source="demo",
        has_ratings=True,
        has_timestamps=True,
        split="leave_last",
        rows={"train": 8, "eval": 1, "test": 1},
        users=2,
        items=5,
        duplicates_dropped=0,
        added_items=1,
        refit=True,
    ),
    training={
        "RetrievalTrainer": TrainingSummary(epochs=3, best_epoch=2, metric="eval_ndcg@100", best_value=0.2, seconds=4.0)
    },
    index={"kind": "exact"},
    bundle="/runs/demo/bundle",
    evaluation=EvaluationSummary(
        blessed=False,
        judged_anew=True,
        served_version="3",
        peer="item-kNN",
        metrics={"rmse": Figure(model=0.9, baseline=float("nan"), served=None)},
        slices=[SliceFigures(feature="request_history", value="3", metrics={"rmse": Figure(model=0.8)})],
        gates=[
            Gate(
                name="rmse_ratio",
                metric="rmse_ratio",
                baseline="user + item means",
                passed=False,
                value=1.1,
                lower=1.0,
                upper=float("nan"),
                threshold=1.0,
                reason="too high",
            ),
            Gate(
                name="rmse_change",
                metric="rmse_minus_served",
                baseline="the served version 3",
                passed=True,
                value=0.0,
                threshold=0.01,
                reason="as good",
                baseline_version="3",
            ),
        ],
    ),
    push=PushSummary(pushed=False, version=None, path=None, reason="not blessed", served_version=3),
    batch_scores=BatchScoresSummary(path="/scores.parquet", model_version="3", users=2, rows=40, rejected=0),
    report="/runs/demo/report.html",
    failure=Failure(component="Transform", message="broken", error_log="/runs/demo/error.log"),
    notices=["a notice"],
    versions={"tfx": "1.16.0"},
    peak_memory_bytes=1 << 30,
)

FREE = {
    "config",
    "index",
    "versions",
    "data.rows",
    "stages[].outputs",
    "training.*.train_metrics",
    "evaluation.slices[].metrics",
}
"""Objects whose fields are not ours to list."""
BY_NAME = {"training", "evaluation.metrics"}
"""Objects from names to values."""


def written(tmp_path, summary):
    write_summary(tmp_path / "summary.json", summary)
    return json.loads((tmp_path / "summary.json").read_text(), parse_constant=refuse)


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def documented():
    rows = re.findall(r"^\| `([^`]+)` \| ([a-z, ]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    return {name: tuple(TYPES[kind] for kind in kinds.split(", ")) for name, kinds in rows}


def fields(value, path=""):
    """Every field of the JSON by its documented name."""
    if isinstance(value, list):
        for one in value:
            yield from fields(one, f"{path}[]") if isinstance(one, dict) else ()
    elif isinstance(value, dict):
        for key, one in value.items():
            if path in FREE:
                continue
            if path in BY_NAME:
                yield from fields(one, f"{path}.*")
                continue
            name = f"{path}.{key}" if path else key
            yield name, one
            yield from fields(one, name)


def flat(kinds):
    return tuple(one for kind in kinds for one in (kind if isinstance(kind, tuple) else (kind,)))


def test_every_field_is_documented_with_its_type(tmp_path):
    types = documented()
    found = list(fields(written(tmp_path, FULL)))
    assert {name for name, _ in found} == set(types)
    for name, value in found:
        allowed = flat(types[name])
        assert isinstance(value, allowed), name
        assert not isinstance(value, bool) or bool in allowed, name


def test_a_run_that_has_only_begun_keeps_to_the_document_too(tmp_path):
    begun = Summary(status="running", preset="demo", config={}, started="2026-01-01T00:00:00+00:00")
    types = documented()
    for name, value in fields(written(tmp_path, begun)):
        assert isinstance(value, flat(types[name])), name


def test_numbers_that_are_not_finite_are_null(tmp_path):
    metrics = written(tmp_path, FULL)["evaluation"]["metrics"]
    assert metrics["rmse"]["model"] == 0.9
    assert metrics["rmse"]["baseline"] is metrics["rmse"]["served"] is None


def test_a_reader_never_finds_half_a_file(tmp_path):
    path = tmp_path / "summary.json"
    write_summary(path, FULL)
    big = dataclasses.replace(FULL, notices=["x" * 1000] * 2000)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            write_summary(path, big)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(50):
            assert json.loads(path.read_text())["status"] == "ok"
    finally:
        stop.set()
        writer.join()
    assert [one.name for one in tmp_path.iterdir()] == ["summary.json"]
