"""Catalogues of 1, 5 and 50 movies and a single user: a good ending or a clear message, never half a version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.datasets import MOVIES_HEADER, RATINGS_HEADER, write_csv
from tests.end_to_end.command import Run, assert_explained, recommender, run, versions

QUICK = ("--set", "retrieval.epochs=2", "--set", "retrieval.eval_every=1", "--set", "ranking.epochs=3")
LENIENT = ("--set", "evaluation.min_recall_lift=-1.1", "--set", "evaluation.max_rmse_ratio=1000")


def write(folder: Path, users: int, movies: int, each: int) -> Path:
    """`each` rows a user; GroupLens layout."""
    rows = [
        (f"u{user}", f"m{(user + position) % movies}", 1 + (user + 2 * position) % 5, 1000 + 10 * position + user)
        for user in range(users)
        for position in range(each)
    ]
    catalogue = [(f"m{movie}", f"Movie {movie} (19{movie % 90 + 10})", "Drama") for movie in range(movies)]
    write_csv(folder / "ratings.csv", RATINGS_HEADER, rows)
    write_csv(folder / "movies.csv", MOVIES_HEADER, catalogue)
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


def movies_for(ended: Run, user: str) -> list[str]:
    """Ids that the judged bundle answers with, pushed or not."""
    done = recommender("query", "--user", user, "--json", "--model", ended.summary["bundle"])
    assert done.code == 0, done.text
    return [movie["movie_id"] for movie in json.loads(done.out)["movies"]]
