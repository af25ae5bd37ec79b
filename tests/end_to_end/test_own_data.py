"""Somebody's own data: other column names, odd ids, no catalogue file, no ratings, no dates, an own split."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pandas as pd
import pytest

from serving.model import LoadedBundle
from tests.datasets import write_csv
from tests.end_to_end.command import LENIENT, NO_FINAL_FIT, QUICK, recommender, run

HEADER = ("Bestellzeit", "Kundin", "Preis", "Ware Nr.", "Sterne")
COLUMNS = "user=Kundin,item=Ware Nr.,rating=Sterne,timestamp=Bestellzeit"


def user_name(user: str) -> str:
    return f"Zoë  Müller {user}"  # spaces, two of them in a row, and letters beyond ASCII


def item_name(item: str) -> str:
    return f'映画/{item}: "é, ß" '  # comma, quotation marks, a space at the end


@pytest.fixture(scope="session")
def named_rows(demo_files):
    """The demo's rows with such ids, oldest first."""
    frame = pd.read_csv(demo_files / "ratings.csv", dtype=str).astype({"timestamp": int})
    frame = frame.sort_values("timestamp", kind="stable")
    return [
        (user_name(row.userId), item_name(row.movieId), row.rating, row.timestamp)
        for row in frame.itertuples(index=False)
    ]


@pytest.fixture(scope="session")
def parts(named_rows):
    """Rows by part: a user's last four are test, the four before them eval."""
    rows = defaultdict(list)
    for row in named_rows:
        rows[row[0]].append(row)
    return {
        "train": [row for mine in rows.values() for row in mine[:-8]],
        "eval": [row for mine in rows.values() for row in mine[-8:-4]],
        "test": [row for mine in rows.values() for row in mine[-4:]],
    }


@pytest.fixture(scope="session")
def presplit_run(parts, tmp_path_factory):
    """Three CSV files with other column names and no catalogue; the models are refit on the first two."""
    folder = tmp_path_factory.mktemp("presplit")
    for name, rows in parts.items():
        shuffled = [(when, user, 9.99, item, stars) for user, item, stars, when in rows]
        write_csv(folder / f"{name}.csv", HEADER, shuffled, delimiter=";")
    files = ("--ratings", folder / "train.csv", "--eval-ratings", folder / "eval.csv")
    test = ("--test-ratings", folder / "test.csv")
    return run(folder / "run", *files, *test, "--columns", COLUMNS, "--final-fit", "train_eval", *QUICK, *LENIENT)


@pytest.fixture(scope="session")
def presplit_bundle(presplit_run):
    return LoadedBundle(presplit_run.summary["push"]["path"])


def test_presplit_files_are_taken_as_they_are(presplit_run, parts):
    assert presplit_run.done.code == 0, presplit_run.done.text
    data = presplit_run.summary["data"]
    assert data["split"] == "presplit"
    assert data["rows"] == {name: len(rows) for name, rows in parts.items()}
    assert presplit_run.summary["evaluation"]["blessed"]
    assert presplit_run.summary["push"]["pushed"]


def test_without_a_catalogue_the_titles_are_the_ids(presplit_run, presplit_bundle, parts):
    ids = {row[1] for rows in parts.values() for row in rows}
    items = presplit_bundle.catalogue["items"]
    assert {item["id"] for item in items} == ids
    assert all(item["title"] == item["id"] and not any(item["features"].values()) for item in items)
    assert presplit_run.summary["data"]["items"] == len(ids)


def test_odd_ids_come_back_byte_for_byte(presplit_run, parts):
    user = parts["test"][0][0]
    model = presplit_run.folder.pushed_model
    done = recommender("query", "--user", user, "--n", 20, "--json", "--model", model)
    assert done.code == 0, done.text
    answer = json.loads(done.out)
    assert (answer["user_id"], answer["source"]) == (user, "model")
    ids = {row[1] for rows in parts.values() for row in rows}
    assert len(answer["items"]) == 20
    assert {item["item_id"] for item in answer["items"]} <= ids
    stranger = recommender("query", "--user", user.replace("  ", " "), "--json", "--model", model)
    assert json.loads(stranger.out)["source"] == "popularity"  # one space less is another person


def test_served_answers_of_presplit_data_do_not_know_the_test_rows(presplit_bundle, parts):
    users = sorted({row[0] for row in parts["test"]})[:5]
    for user in users:
        before = {row[1] for name in ("train", "eval") for row in parts[name] if row[0] == user}
        tested = {row[1] for row in parts["test"] if row[0] == user} - before
        everything_else = [m["id"] for m in presplit_bundle.catalogue["items"] if m["id"] not in tested]
        (answer,) = presplit_bundle.recommend([user], n=100, exclude=everything_else)
        assert {item.id for item in answer.items} == tested
        (full,) = presplit_bundle.recommend([user], n=100)
        assert not before & {item.id for item in full.items}


def test_a_refit_is_told_and_everything_comes_from_train_and_eval_and_nothing_from_test(
    presplit_run, presplit_bundle, parts
):
    summary = presplit_run.summary
    assert summary["data"]["refit"] is True
    assert "fit on train + eval" in presplit_run.done.out
    training = summary["training"]
    assert [len(training[stage]["refit_epochs"]) for stage in ("RetrievalTrainer", "RankingTrainer")] == [1, 1]
    assert set(training["RankingTrainer"]["train_metrics"]) == {"train_mse", "train_rmse", "train_mae"}
    assert presplit_bundle.facts["fit_on"] == "train_and_eval"
    # What is popular is counted on train + eval: the shares of rows, by hand.
    counts = Counter(row[1] for name in ("train", "eval") for row in parts[name])
    (answer,) = presplit_bundle.recommend(["nobody at all"], n=100)
    shares = {item.id: item.score for item in answer.items}
    assert shares == pytest.approx({item: counts[item] / sum(counts.values()) for item in shares})


def test_questions_from_a_file_keep_odd_ids(presplit_run, presplit_bundle, parts, tmp_path):
    asked = write_csv(tmp_path / "asked.csv", ("user", "item"), [row[:2] for row in parts["test"]])
    model = presplit_run.folder.path
    lists, stars = tmp_path / "lists.csv", tmp_path / "stars.csv"
    assert recommender("score", "--model", model, "--users", asked, "--n", 3, "--output", lists).code == 0
    assert recommender("predict", "--model", model, "--pairs", asked, "--output", stars).code == 0
    frame = pd.read_csv(lists, dtype={"user_id": str, "item_id": str})
    user = parts["test"][0][0]
    (answer,) = presplit_bundle.recommend([user], n=3)
    assert frame[frame.user_id == user]["item_id"].tolist() == [item.id for item in answer.items]
    predicted = pd.read_csv(stars)
    assert list(zip(predicted.user, predicted.item, strict=True)) == [row[:2] for row in parts["test"]]
    errors = predicted.prediction - [float(row[2]) for row in parts["test"]]
    # What the served signature predicts of rows that it does not know is what the Evaluator judged.
    assert (errors**2).mean() ** 0.5 == pytest.approx(
        presplit_run.summary["evaluation"]["metrics"]["rmse"]["model"], abs=1e-4
    )


@pytest.fixture(scope="session")
def views_run(named_rows, tmp_path_factory):
    """Views as Parquet: who and what, neither stars nor dates."""
    folder = tmp_path_factory.mktemp("views")
    frame = pd.DataFrame([(user, item) for user, item, *_ in named_rows], columns=["user", "item"])
    frame.to_parquet(folder / "views.parquet")
    return run(folder / "run", "--ratings", folder / "views.parquet", *QUICK, *LENIENT, *NO_FINAL_FIT)


def test_views_are_split_at_random_and_the_summary_says_what_they_lack(views_run, named_rows):
    assert views_run.done.code == 0, views_run.done.text
    data = views_run.summary["data"]
    assert (data["has_ratings"], data["has_timestamps"], data["split"]) == (False, False, "random")
    assert sum(data["rows"].values()) == len(named_rows)
    for part in ("eval", "test"):
        assert data["rows"][part] == pytest.approx(0.1 * len(named_rows), rel=0.25)


def test_views_train_and_judge_retrieval_only(views_run):
    evaluation = views_run.summary["evaluation"]
    assert "RankingTrainer" not in views_run.cached
    assert set(views_run.summary["training"]) == {"RetrievalTrainer"}
    assert set(views_run.gates) == {"recall_lift", "recall_change"}
    assert evaluation["blessed"]
    assert not {"rmse", "mae"} & set(evaluation["metrics"])
    assert views_run.summary["push"]["pushed"]


def test_views_are_answered_without_stars(views_run, named_rows):
    bundle = LoadedBundle(views_run.summary["push"]["path"])
    assert bundle.facts["has_ratings"] is False
    user = named_rows[0][0]
    seen = {row[1] for row in named_rows if row[0] == user}
    (answer,) = bundle.recommend([user], n=10)
    assert answer.source == "model"
    assert not seen & {item.id for item in answer.items}
    assert [item.predicted_rating for item in answer.items] == [0.0] * 10
    done = recommender("query", "--user", user, "--model", views_run.folder.pushed_model)
    assert "★" not in done.out


@pytest.mark.slow
def test_a_grouplens_folder_in_parquet_answers_with_titles(demo_files, tmp_path):
    pd.read_csv(demo_files / "ratings.csv").to_parquet(tmp_path / "ratings.parquet")
    pd.read_csv(demo_files / "movies.csv").to_parquet(tmp_path / "items.parquet")
    done = run(tmp_path / "run", "--ratings", tmp_path, *QUICK, *LENIENT, *NO_FINAL_FIT)
    assert done.done.code == 0, done.done.text
    assert done.summary["data"]["split"] == "leave_last"
    titles = dict(pd.read_csv(demo_files / "movies.csv", dtype=str)[["movieId", "title"]].values)
    (answer,) = LoadedBundle(done.summary["push"]["path"]).recommend(["1"])
    assert [item.title for item in answer.items] == [titles[item.id] for item in answer.items]
