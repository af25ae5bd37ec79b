"""`recommender query` and `recommender similar` on what a run has pushed."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.command import assert_explained, recommender, versions


@pytest.fixture
def newest(first_run):
    """The folder of the newest version: a slow test pushes a second one of the same models."""
    return str(first_run.folder.pushed_model / versions(first_run.folder)[-1])


def test_the_newest_pushed_model_under_runs_answers(newest, work, monkeypatch):
    monkeypatch.chdir(work)
    done = recommender("query", "--user", "42")
    assert done.code == 0, done.text
    assert "User 42" in done.out
    assert f"Model: {newest}\n" in done.out
    assert done.out.count("★") == 10
    assert done.err == ""


def test_json_gives_ids_titles_scores_and_stars(first_run, bundle, newest):
    done = recommender("query", "--user", "7", "--n", 3, "--json", "--model", first_run.folder.pushed_model)
    (expected,) = bundle.recommend(["7"], n=3)
    answer = json.loads(done.out)
    assert (answer["user_id"], answer["source"]) == ("7", "model")
    assert answer["model"] == newest
    assert answer["items"] == [
        {"item_id": one.id, "title": one.title, "score": one.score, "predicted_rating": one.predicted_rating}
        for one in expected.items
    ]


def test_a_history_filters_and_exclusions_reach_the_model(first_run, bundle):
    history = [("1", 5.0), ("2", 0.0), ("3", 2.5)]
    (expected,) = bundle.recommend(
        [""], n=5, history=history, exclude=["4", "5"], filters=["genres=Drama", "genres=Comedy"]
    )
    person = ("--history", "1:5,2,atlantis,3:2.5", "--exclude", "4,5")
    wish = ("--filter", "genres=Drama", "--filter", "genres=Comedy", "--n", 5)
    done = recommender("query", *person, *wish, "--json", "--model", first_run.folder.pushed_model)
    answer = json.loads(done.out)
    assert answer["source"] == "history"
    assert [item["item_id"] for item in answer["items"]] == [item.id for item in expected.items]
    assert "not in the catalogue and left out of the history: atlantis" in done.err


def test_a_stranger_is_told_that_the_answer_is_what_is_popular(first_run):
    done = recommender("query", "--user", "nobody", "--model", first_run.folder.pushed_model)
    assert done.code == 0
    assert "most popular" in done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["query", "--user", "7", "--filter", "genres=Comdy"], "did you mean `genres=Comedy`?"),
        (["similar", "--item", "no such item"], "no such item"),
    ],
)
def test_a_question_that_cannot_be_answered_is_explained(first_run, arguments, says):
    done = recommender(*arguments, "--model", first_run.folder.pushed_model)
    assert_explained(done, 2)
    assert says in done.err
    assert done.out == ""


def test_similar_lists_other_items(first_run, bundle):
    done = recommender("similar", "--item", "1", "--n", 5, "--model", first_run.folder.pushed_model)
    assert done.code == 0, done.text
    items = bundle.similar("1")[:5]
    assert len(items) == 5
    assert "1" not in [item.id for item in items]
    assert all(item.title in done.out for item in items)


def test_reasons_come_from_the_history_and_add_up_to_no_more_than_all_of_it(bundle):
    (answer,) = bundle.recommend(["7"], n=5)
    known = {item_id for item_id, _, _ in bundle.user_history("7")}
    explained = bundle.explain("7", [item.id for item in answer.items])
    assert len(explained) == 5 and all(explained)
    for reasons in explained:
        assert {reason.id for reason in reasons} <= known
        assert [reason.score for reason in reasons] == sorted((reason.score for reason in reasons), reverse=True)
        assert 0 < sum(reason.share for reason in reasons) <= 1.0001
        assert reasons[0].share == pytest.approx(reasons[0].score * reasons[-1].share / reasons[-1].score, rel=1e-4)


def test_a_history_of_one_item_is_the_whole_reason(bundle):
    candidates = [item.id for item in bundle.recommend([""], n=3, history=[("1", 5.0)])[0].items]
    for reasons in bundle.explain("", candidates, history=[("1", 5.0)]):
        assert [(reason.id, reason.share) for reason in reasons] in ([("1", pytest.approx(1.0))], [])
