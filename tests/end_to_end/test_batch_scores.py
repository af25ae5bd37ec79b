"""Batch scores of what a run has pushed: the very lists that people are served, user by user."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from serving.models.config import ModelConfig
from serving.server import ServerConfig, running
from tests.end_to_end.command import Run, assert_explained, recommender, run
from tests.end_to_end.conftest import SETTINGS

N = 20


@pytest.fixture(scope="session")
def scored_run(first_run) -> Run:
    """The first run once more, and the scores of what it has pushed."""
    return run(first_run.folder.path, "--preset", "demo", *SETTINGS, "--with-batch-scores")


def rows_by_user(path):
    users = {}
    for row in pq.read_table(path).to_pylist():
        users.setdefault(row["user_id"], []).append(row)
    return users


@pytest.fixture(scope="session")
def scores(scored_run):
    return rows_by_user(scored_run.summary["batch_scores"]["path"])


def test_the_stage_scores_every_known_user_with_the_pushed_version(scored_run, scores, demo_rows, first_run):
    summary = scored_run.summary["batch_scores"]
    assert scored_run.done.code == 0, scored_run.done.text
    assert [stage for stage, cached in scored_run.cached.items() if not cached] == ["BatchScorer"]
    assert set(scores) == {user for user, *_ in demo_rows}
    assert (summary["users"], summary["rejected"]) == (len(scores), 0)
    assert summary["rows"] == sum(map(len, scores.values())) == N * len(scores)
    assert {row["model_version"] for rows in scores.values() for row in rows} == {summary["model_version"]}
    assert summary["model_version"] == str(first_run.summary["push"]["version"])
    assert f"{summary['rows']:,} rows for {summary['users']:,} users: {summary['path']}" in scored_run.done.out


def test_an_unchanged_run_finds_the_scores_of_before(scored_run):
    again = run(scored_run.folder.path, "--preset", "demo", *SETTINGS, "--with-batch-scores")
    assert all(again.cached.values())
    assert again.summary["batch_scores"] == scored_run.summary["batch_scores"]


def test_every_user_gets_what_the_bundle_answers_when_it_is_asked_for_this_user_alone(scores, bundle):
    for user, rows in scores.items():
        (answer,) = bundle.recommend([user], n=N)
        assert [row["rank"] for row in rows] == list(range(1, N + 1))
        assert [row["item_id"] for row in rows] == [item.id for item in answer.items]
        assert [row["title"] for row in rows] == [item.title for item in answer.items]
        assert [row["score"] for row in rows] == pytest.approx([item.score for item in answer.items], rel=1e-5)
        stars = [item.predicted_rating for item in answer.items]
        assert [row["predicted_rating"] for row in rows] == pytest.approx(stars, rel=1e-5)


def test_every_user_gets_what_the_server_answers(scores, scored_run):
    """Over REST, the full question with n, a dozen users at once."""
    version = Path(scored_run.folder.pushed_model, scored_run.summary["batch_scores"]["model_version"])
    served = ModelConfig(name="recommender", base_path=version.parent)
    empty = {"history_item_ids": [], "history_ratings": [], "exclude_item_ids": [], "n": N}
    empty |= {"allow_item_ids": [], "filters": [], "user_features": [], "context": []}
    users = list(scores)
    with running(ServerConfig(models=(served,), rest_port=0)) as server:
        url = f"http://127.0.0.1:{server.rest_port}/v1/models/recommender/versions/{version.name}:predict"
        for start in range(0, len(users), 12):
            some = users[start : start + 12]
            question = {"signature_name": "recommend", "instances": [{"user_id": user, **empty} for user in some]}
            answers = httpx.post(url, json=question, timeout=60).json()["predictions"]
            for user, answer in zip(some, answers, strict=True):
                assert [row["item_id"] for row in scores[user]] == answer["item_ids"]
                assert [row["title"] for row in scores[user]] == answer["titles"]
                assert [row["score"] for row in scores[user]] == pytest.approx(answer["scores"], rel=1e-5)


def test_the_command_writes_the_same_rows_and_never_over_others(scores, scored_run, tmp_path):
    ids = list(scores)[:30]
    (tmp_path / "users.txt").write_text("\n".join([*ids, ids[0]]))
    options = ("--model", scored_run.folder.pushed_model, "--n", N, "--users", tmp_path / "users.txt")
    output = tmp_path / "out.jsonl"
    done = recommender("score", *options, "--output", output)
    assert done.code == 0, done.text
    assert f"600 rows for 30 users: {output}\n" in done.out
    assert "1 record left out, because their users had occurred before" in done.out
    last, ended = done.err.splitlines()[-2:]
    assert last.strip() == "all 31 records done: 30 users scored, 1 left out as duplicates"
    assert ended.startswith("[1/1] BatchScoring")
    assert "Traceback" not in done.text
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert {row["user_id"] for row in rows} == set(ids)
    for row in rows:
        assert row["item_id"] == scores[row["user_id"]][row["rank"] - 1]["item_id"]
    before = output.read_bytes()
    again = recommender("score", *options, "--output", output)
    assert_explained(again, 2)
    assert "--overwrite" in again.err
    assert output.read_bytes() == before
