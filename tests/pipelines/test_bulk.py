"""`recommender predict` on a bundle whose answers are worked out by hand.

Item `i` scores last item * i + 1 (tests/components/bundle/small_bundle.py), is rated i + 1 stars and
has the i-th id below.
"""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from pipelines import bulk_questions
from tests.components.bundle.small_bundle import build_bundle
from tests.pipelines.commands import exit_code

ITEMS = ["a", "b, b", 'c "c"', "é"]
USERS = {"Ann": [0, 1, 3], "Bo": [1], "Dee, all": [0, 1, 2, 3]}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "pushed_model" / "7"
    build_bundle(
        folder,
        item_ids=ITEMS,
        genres=[[]] * 4,
        vectors=np.array([[i, 1.0] for i in range(4)]),
        biases=np.zeros(4),
        users=USERS,
        test_rows={"Ann": 1},
        before_test=True,
    )
    return folder


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_pairs_of_a_file_get_their_stars_once_each(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bulk_questions, "PAIRS_AT_ONCE", 2)
    asked, answers = tmp_path / "asked.csv", tmp_path / "predictions.csv"
    asked.write_text('userId,movieId,rating\nBo,é,5\nBo,"b, b",5\nBo,é,1\nnobody,a,2\nAnn,no such item,2\n')
    assert exit_code("predict", "--model", str(model), "--pairs", str(asked), "--output", str(answers)) == 0
    header, *rows = rows_of(answers)
    assert header == ["user", "item", "prediction"]
    assert rows[:3] == [["Bo", "é", "4"], ["Bo", "b, b", "2"], ["nobody", "a", "1"]]
    assert rows[3][:2] == ["Ann", "no such item"]
    out = capsys.readouterr().out
    assert "4 predictions" in out
    assert "items outside the bundle's catalogue, rated as an average one: 1" in out


def test_a_bundle_without_ratings_predicts_nothing_and_writes_nothing(model, tmp_path, capsys):
    views = tmp_path / "8"
    views.mkdir()
    for child in model.iterdir():
        (views / child.name).symlink_to(child)
    (views / "assets.extra").unlink()
    (views / "assets.extra").mkdir()
    facts = {"index": {"kind": "exact"}, "has_ratings": False}
    (views / "assets.extra" / "bundle.json").write_text(json.dumps(facts))
    asked, answers = tmp_path / "asked.csv", tmp_path / "out" / "predictions.csv"
    asked.write_text("user,item\nBo,a\n")
    assert exit_code("predict", "--model", str(views), "--pairs", str(asked), "--output", str(answers)) == 2
    assert "predicts no ratings" in capsys.readouterr().err
    assert list(answers.parent.iterdir()) == []
