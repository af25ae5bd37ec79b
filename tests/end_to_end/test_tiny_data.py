"""Catalogues of 1, 5 and 50 items and a single user: a good ending or a clear message, never half a version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serving.model import LoadedBundle
from tests.datasets import ITEMS_HEADER, RATINGS_HEADER, write_csv
from tests.end_to_end.command import NO_FINAL_FIT, Run, assert_explained, recommender, run, versions

QUICK = ("--set", "retrieval.epochs=2", "--set", "retrieval.eval_every=1", "--set", "ranking.epochs=3")
LENIENT = tuple(
    argument
    for bound in ("recall_lift.bound=-1.1", "recall_peer.rule=none", "rmse_ratio.bound=1000")
    for argument in ("--set", f"evaluation.gates.{bound}")
)


def write(folder: Path, users: int, items: int, each: int) -> Path:
    """`each` rows a user; GroupLens layout."""
    rows = [
        (f"u{user}", f"m{(user + position) % items}", 1 + (user + 2 * position) % 5, 1000 + 10 * position + user)
        for user in range(users)
        for position in range(each)
    ]
    catalogue = [(f"m{item}", f"Item {item} (19{item % 90 + 10})", "Drama") for item in range(items)]
    write_csv(folder / "ratings.csv", RATINGS_HEADER, rows)
    write_csv(folder / "movies.csv", ITEMS_HEADER, catalogue)
    return folder


def check_a_good_ending(ended: Run, *, blessed: bool | None = None) -> None:
    assert ended.done.code == 0, ended.done.text
    assert "Traceback" not in ended.done.text
    summary = ended.summary
    assert summary["status"] == "ok"
    if blessed is not None:
        assert summary["evaluation"]["blessed"] is blessed, summary["evaluation"]["gates"]
    assert summary["push"]["pushed"] is summary["evaluation"]["blessed"]
    assert versions(ended.folder) == ([str(summary["push"]["version"])] if summary["push"]["pushed"] else [])


def items_for(ended: Run, user: str) -> list[str]:
    """Ids that the judged bundle answers with, pushed or not."""
    done = recommender("query", "--user", user, "--json", "--model", ended.summary["bundle"])
    assert done.code == 0, done.text
    return [item["item_id"] for item in json.loads(done.out)["items"]]


def test_one_item_leaves_nothing_to_hold_out(tmp_path):
    # Nobody has three rows, so no user gives one to eval and one to test.
    ended = run(tmp_path / "run", "--ratings", write(tmp_path, users=40, items=1, each=1))
    assert_explained(ended.done, 2)
    for words in ("leave_last", "train 40, eval 0, test 0", "split.kind=random"):
        assert words in ended.done.err
    assert versions(ended.folder) == []


def test_five_items_with_duplicates_and_an_item_that_the_catalogue_lacks(tmp_path):
    write(tmp_path, users=8, items=5, each=4)
    with (tmp_path / "ratings.csv").open("a", encoding="utf-8") as file:
        file.write("u0,m0,5,1\n" + "u1,m1,2,1\n" + "u0,unheard of,4,2000\n")  # the first two are older than theirs
    ended = run(tmp_path / "run", "--ratings", tmp_path, *QUICK, *LENIENT, *NO_FINAL_FIT)
    check_a_good_ending(ended, blessed=True)
    data = ended.summary["data"]
    assert data["duplicates_dropped"] == 2
    assert sum(data["rows"].values()) == 8 * 4 + 1
    assert (data["items"], data["added_items"]) == (6, 1)
    notices = "\n".join(ended.summary["notices"])
    assert "unheard of" in notices
    assert "2 rows repeat a pair" in notices
    assert all(notice in ended.done.err for notice in ended.summary["notices"])
    known = {"m0", "m1", "m2", "m3", "unheard of"}  # all of u0, test rows included
    assert items_for(ended, "u0") == ["m4"]
    assert set(items_for(ended, "a stranger")) == {"m4", *known}
    (stars,) = (row[2] for row in LoadedBundle(ended.summary["bundle"]).user_history("u0") if row[0] == "m0")
    assert stars == 1.0  # the latest one stands


@pytest.mark.slow
def test_a_single_user(tmp_path):
    ended = run(tmp_path / "run", "--ratings", write(tmp_path, users=1, items=25, each=20), *QUICK)
    check_a_good_ending(ended)
    assert ended.summary["data"]["rows"] == {"train": 10, "eval": 5, "test": 5}
    assert set(items_for(ended, "u0")) == {f"m{item}" for item in range(20, 25)}


@pytest.mark.slow
def test_fifty_items(tmp_path):
    ended = run(tmp_path / "run", "--ratings", write(tmp_path, users=20, items=50, each=15), *QUICK)
    check_a_good_ending(ended)
    # Of 15 rows a user trains on 5: items 0 to 23, a tenth of which is a list of two.
    assert "recall_at_2" in ended.summary["evaluation"]["metrics"]
    assert len(items_for(ended, "u0")) == 10


@pytest.mark.slow
def test_one_rating_value_is_judged_by_its_lists(tmp_path):
    write(tmp_path, users=20, items=50, each=15)
    rows = (tmp_path / "ratings.csv").read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split(",") for line in rows]
    write_csv(tmp_path / "ratings.csv", header, [[user, item, "4", when] for user, item, _, when in rows])
    rated = ("--set", "data.has_ratings=true")  # else a column of one value is no rating
    ended = run(tmp_path / "run", "--ratings", tmp_path, *rated, *QUICK, *LENIENT, *NO_FINAL_FIT)
    check_a_good_ending(ended, blessed=True)
    reason = "RMSE not judged: every training rating is 4, so there are no differences to predict"
    assert ended.gates["rmse_ratio"]["reason"] == reason
    assert reason in " ".join(ended.done.out.split())
    assert "could not be measured" not in ended.done.text
    assert "nan" not in ended.done.text.lower()


@pytest.mark.slow
def test_one_item_split_at_random(tmp_path):
    write(tmp_path, users=40, items=1, each=1)
    ended = run(tmp_path / "run", "--ratings", tmp_path, *QUICK, "--set", "split.kind=random")
    check_a_good_ending(ended)
    assert items_for(ended, "u0") == []  # the only one is known
    assert items_for(ended, "a stranger") == ["m0"]
