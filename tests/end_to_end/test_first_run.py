"""A first run: blessed, pushed, told in the summary, and answering."""

from __future__ import annotations

import html
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from components.baselines.peers import FAR_TRANSITIONS
from tests.components.report.self_contained import assert_self_contained
from tests.components.training.event_files import scalars
from tests.datasets import read_rows
from tests.end_to_end.command import recommender

STAGES = {
    "ExampleGen",
    "EntityStatistics",
    "SequenceStatistics",
    "EntitySchema",
    "SequenceSchema",
    "EntityValidator",
    "SequenceValidator",
    "DataGate",
    "Transform",
    "RetrievalTrainer",
    "RankingTrainer",
    "CandidateIndexer",
    "EmbeddingMap",
    "RecommenderBundler",
    "PeerLists",
    "ServedModel",
    "Evaluator",
    "FinalFit",
    "Pusher",
    "RunReport",
}


def split(run, name):
    (folder,) = run.folder.artifacts.glob("ExampleGen/examples/*")
    return read_rows(f"{folder}/Split-{name}/*")


def items_by_user(demo_rows):
    items = defaultdict(set)
    for user, item, *_ in demo_rows:
        items[user].add(item)
    return items


def test_it_ends_well_and_tells_a_person_what_came_out(first_run):
    done, push = first_run.done, first_run.summary["push"]
    assert done.code == 0, done.text
    assert "[20/20] " in done.err
    assert "BLESSED" in done.out
    assert "NOT BLESSED" not in done.out
    for word in (
        "recall@100",
        "RMSE",
        "popularity",
        FAR_TRANSITIONS,
        "user + item means",
        push["path"],
        "rated highest",
        "recommended",
    ):
        assert word in done.out
    assert done.out.count(" rated highest: ") == 3  # three users
    assert "Traceback" not in done.text


def test_the_summary_names_every_stage(first_run):
    summary = first_run.summary
    assert (summary["status"], summary["failure"], summary["everything_cached"]) == ("ok", None, False)
    assert {stage["id"] for stage in summary["stages"]} == STAGES
    assert all(stage["status"] == "ok" and stage["seconds"] > 0 for stage in summary["stages"])
    assert not any(first_run.cached.values())
    assert summary["seconds"] >= sum(stage["seconds"] for stage in summary["stages"])
    assert summary["peak_memory_bytes"] > 1e8


def test_the_summary_counts_the_rows_of_each_split(first_run, demo_rows):
    data = first_run.summary["data"]
    rows = Counter(user for user, *_ in demo_rows)
    held_out = sum(min(5, count // 3) for count in rows.values())  # five a user, never more than a third
    assert data["rows"] == {"train": len(demo_rows) - 2 * held_out, "eval": held_out, "test": held_out}
    assert (data["users"], data["items"]) == (len(rows), 1100)
    assert (data["split"], data["has_ratings"], data["has_timestamps"]) == ("leave_last", True, True)


def test_the_default_gates_pass_and_say_why(first_run):
    evaluation, gates = first_run.summary["evaluation"], first_run.gates
    assert evaluation["blessed"]
    assert evaluation["judged_anew"]
    assert set(gates) == {"recall_lift", "recall_peer", "recall_change", "rmse_ratio", "rmse_change"}
    assert all(gate["passed"] and gate["reason"] for gate in gates.values())
    assert 0 < gates["recall_lift"]["lower"] < gates["recall_lift"]["value"] < gates["recall_lift"]["upper"]
    assert gates["rmse_ratio"]["lower"] < gates["rmse_ratio"]["value"] < gates["rmse_ratio"]["upper"] < 1
    assert gates["recall_peer"]["baseline"] == evaluation["peer"] == FAR_TRANSITIONS
    assert "nothing is served yet" in gates["recall_change"]["reason"]


def test_the_metrics_stand_beside_their_baselines(first_run):
    metrics = first_run.summary["evaluation"]["metrics"]
    for name in ("recall_at_100", "ndcg_at_100", "recall_at_10", "mrr"):
        assert metrics[name]["model"] > metrics[name]["baseline"] > 0
        assert metrics[name]["peer"] > 0
    for name in ("rmse", "mae"):
        assert 0 < metrics[name]["model"] < metrics[name]["baseline"]
    assert all(figure["served"] is None for figure in metrics.values())


def test_one_whole_version_is_pushed(first_run):
    push = first_run.summary["push"]
    version = Path(push["path"])
    assert push["pushed"]
    assert push["reason"] == "blessed"
    assert push["version"] == push["served_version"] == int(version.name)
    assert {child.name for child in version.parent.iterdir()} == {version.name, "judged"}
    assert [child.name for child in (version.parent / "judged").iterdir()] == [version.name]
    assert (version / "saved_model.pb").is_file()
    assert (version / "assets.extra" / "bundle.json").is_file()


def test_the_index_holds_the_whole_catalogue_and_is_scann(first_run, bundle):
    (report,) = first_run.folder.artifacts.glob("CandidateIndexer/index/*/index.json")
    for index in (json.loads(report.read_text()), first_run.summary["index"], bundle.facts["index"]):
        assert (index["kind"], index["size"]) == ("scann", 1100)
        assert index["recall"] >= 0.99  # index.min_recall
    assert bundle.facts["items"] == len(bundle.catalogue["items"]) == 1100


def test_a_known_user_gets_unseen_items(bundle, demo_rows):
    seen = items_by_user(demo_rows)
    users = bundle.known_users
    assert len(users) == 150
    titles = {item["id"]: item["title"] for item in bundle.catalogue["items"]}
    for answer in bundle.recommend(users, n=50):
        assert answer.source == "model"
        assert len({item.id for item in answer.items}) == 50
        assert not seen[answer.user_id] & {item.id for item in answer.items}
        assert all(item.title == titles[item.id] for item in answer.items)
        assert [item.score for item in answer.items] == sorted((m.score for m in answer.items), reverse=True)
        assert all(0 < item.predicted_rating < 6 for item in answer.items)


def test_users_get_lists_of_their_own(bundle):
    lists = [tuple(item.id for item in answer.items) for answer in bundle.recommend(bundle.known_users, n=10)]
    assert len(set(lists)) > 100  # of 150


def test_a_stranger_with_a_history_gets_an_answer_to_it(bundle, demo_rows):
    user = Counter(user for user, *_ in demo_rows).most_common(1)[0][0]
    history = [(item, float(stars)) for who, item, stars, _ in demo_rows if who == user][-30:]
    (mine,) = bundle.recommend([""], n=20, history=history)
    (other,) = bundle.recommend([""], n=20, history=[("1", 5.0)])
    assert mine.source == other.source == "history"
    assert not {item for item, _ in history} & {item.id for item in mine.items}
    assert [item.id for item in mine.items] != [item.id for item in other.items]


def test_a_stranger_without_a_history_gets_what_is_popular(demo_rows, bundle):
    counts = Counter(item for _, item, *_ in demo_rows)  # what goes live has learned from every row
    (answer,) = bundle.recommend(["nobody knows me"], n=20)
    assert answer.source == "popularity"
    expected = sorted(counts.values(), reverse=True)[:20]
    assert [counts[item.id] for item in answer.items] == expected
    total = sum(counts.values())
    assert [item.score for item in answer.items] == pytest.approx([count / total for count in expected])


def test_a_genre_keeps_its_items_only(bundle):
    genres = {item["id"]: item["features"]["genres"] for item in bundle.catalogue["items"]}
    for user in (bundle.known_users[0], ""):
        (answer,) = bundle.recommend([user], n=20, filters=["genres=Comedy"])
        assert len(answer.items) == 20
        assert all("Comedy" in genres[item.id] for item in answer.items)


def test_going_live_the_test_rows_are_known_too(first_run, bundle):
    rows = split(first_run, "test")
    user = rows[0]["user_id"][0].decode()
    tested = {row["item_id"][0].decode() for row in rows if row["user_id"] == rows[0]["user_id"]}
    everything_else = [item["id"] for item in bundle.catalogue["items"] if item["id"] not in tested]
    (answer,) = bundle.recommend([user], n=100, exclude=everything_else)
    assert answer.items == []
    assert tested <= {item for item, _, _ in bundle.user_history(user)}


@pytest.mark.parametrize(("stage", "metric"), [("RetrievalTrainer", "NDCG@100"), ("RankingTrainer", "RMSE")])
def test_every_training_can_be_seen_in_tensorboard(first_run, stage, metric):
    (model_run,) = first_run.folder.artifacts.glob(f"{stage}/model_run/*")
    log = json.loads((model_run / "training.json").read_text())
    epochs = log["epochs"]
    assert [entry["epoch"] for entry in epochs] == list(range(1, len(epochs) + 1))
    assert len(epochs) == first_run.summary["training"][stage]["epochs"]
    seen = scalars(model_run / "logs" / "first" / "seed-1")
    assert seen["train/loss"] == [(entry["epoch"], pytest.approx(entry["loss"])) for entry in epochs]
    judged = [(entry["epoch"], pytest.approx(entry[log["metric"]])) for entry in epochs if log["metric"] in entry]
    assert seen[f"eval/{metric}"] == judged
    assert first_run.summary["training"][stage]["best_value"] in [value for _, value in judged]
    assert f"tensorboard --logdir {first_run.folder.artifacts}" in first_run.done.out


def test_the_report_shows_the_figures_of_this_run(first_run):
    page = first_run.report
    assert first_run.summary["report"] == str(first_run.folder.report) in first_run.done.out
    evaluation, data = first_run.summary["evaluation"], first_run.summary["data"]
    for name in ("recall_at_100", "ndcg_at_10", "rmse"):
        figure = evaluation["metrics"][name]
        assert all(f"{figure[side]:.4f}" in page for side in ("model", "baseline"))
    for gate in evaluation["gates"]:
        assert gate["reason"] in html.unescape(page)
    for rows in data["rows"].values():
        assert f"{rows:,}" in page
    assert f"Pushed as version {first_run.summary['push']['version']}" in page
    for stage in first_run.summary["stages"]:
        assert stage["id"] in page
    assert page.count('class="person"') == 5
    (data,) = re.findall(r'id="map-data">(.*?)</script>', page, re.DOTALL)
    assert len(json.loads(data)["titles"]) == 1100  # the whole catalogue
    assert "Drama" in page[page.index('id="genres"') :]
    retrieval = first_run.summary["training"]["RetrievalTrainer"]
    assert f"kept epoch {retrieval['best_epoch']}, {retrieval['best_value']:.4f}" in page
    for name in ("gini_at_10", "novelty_at_10"):
        assert all(evaluation["metrics"][name][side] > 0 for side in ("model", "baseline", "peer"))


def test_the_report_asks_for_nothing_from_anywhere(first_run):
    assert_self_contained(first_run.report)


def test_the_command_writes_the_same_report_anew(first_run, tmp_path):
    done = recommender("report", first_run.folder.path, "--output", tmp_path / "again.html")
    assert done.code == 0, done.text
    assert (tmp_path / "again.html").read_text() == first_run.folder.report.read_text()
    assert done.out.strip() == str(tmp_path / "again.html")
