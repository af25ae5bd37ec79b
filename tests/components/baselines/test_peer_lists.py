"""PeerLists on the tiny data, through the real ingestion."""

from __future__ import annotations

import pytest
from tfx.types import artifact_utils

from components.baselines.component import PeerLists
from components.baselines.config import PeersConfig
from components.baselines.popularity_file import read_popularity
from components.ingestion.config import DataConfig, SplitConfig
from components.settings import to_json
from tests.datasets import ITEMS_HEADER, RATINGS_HEADER, examples_artifact, ingest, read_rows, write_csv, write_tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    files = DataConfig(source="files", ratings=str(write_tiny(folder / "source")))
    return {
        refit: ingest(folder / f"refit {refit}", files, SplitConfig(held_out=2), refit=refit) for refit in (False, True)
    }


def judged_rows(ingested, folder, k=100):
    judged = examples_artifact(folder)
    inputs = {"examples": ingested.examples, "items": ingested.entities, "sequences": ingested.sequences}
    PeerLists.test_call(**inputs, config=to_json(PeersConfig()), judged_k=k, judged_rows=judged)
    assert artifact_utils.decode_split_names(judged.split_names) == ["test"]
    return read_rows(f"{folder}/Split-test/*"), judged.get_string_custom_property("peer")


def test_rows_are_those_of_the_test_split_and_marked_ones_have_two_lists_more(data, tmp_path):
    rows, peer = judged_rows(data[False], tmp_path)
    assert peer == "item-kNN"
    before = data[False].rows("test")
    assert len(rows) == len(before) == 3
    for row, as_it_was in zip(rows, before, strict=True):
        added = {"popular_item_ids", "peer_item_ids"} if as_it_was["held_out_item_ids"] else set()
        assert set(row) - set(as_it_was) == added
        assert {name: row[name] for name in as_it_was} == as_it_was
    # Training rows (tests/datasets.py): m1 three times, m2 and m6 once. A tenth of 3 items is a list of one.
    # ann has seen m1 to m4, so that m6 is left; bob has seen m1 and m3.
    popular = {row["user_id"][0]: row["popular_item_ids"] for row in rows if "popular_item_ids" in row}
    assert popular == {b"ann": [b"m6"], b"bob": [b"m2"]}
    # ann's m1 is like m6 (cy has both), and so is bob's m1 like m2 (ann) and m6: m2 comes first.
    item_knn = {row["user_id"][0]: row["peer_item_ids"] for row in rows if "peer_item_ids" in row}
    assert item_knn == {b"ann": [b"m6"], b"bob": [b"m2"]}


def test_the_training_rows_of_each_item_stand_beside_the_lists(data, tmp_path):
    judged_rows(data[False], tmp_path)
    rows = read_popularity(f"{tmp_path}/popularity.parquet")
    assert rows == {b"m1": 3, b"m2": 1, b"m3": 0, b"m4": 0, b"m5": 0, b"m6": 1, b"m7": 0}


def test_peers_learn_from_what_a_refit_learns_from(data, tmp_path):
    rows, _ = judged_rows(data[True], tmp_path)
    # With the eval rows m3 has two rows; bob has seen it. Of m2, m4 and m6 with one row each the first is taken.
    popular = {row["user_id"][0]: row["popular_item_ids"] for row in rows if "popular_item_ids" in row}
    assert popular == {b"ann": [b"m6"], b"bob": [b"m2"]}


@pytest.mark.parametrize(
    ("rule", "name", "ann"), [("never", "what the user had most", b"m1"), ("always", "item-kNN", b"m3")]
)
def test_of_data_that_repeat_themselves_the_peer_is_what_a_user_had_most(tmp_path, rule, name, ann):
    # Each user sees the same item again and again, and that is what is held out.
    views = {"ann": "11211", "bob": "22322", "cy": "33133"}
    rows = [(user, f"m{item}", time) for user, items in views.items() for time, item in enumerate(items, 1)]
    path = write_csv(tmp_path / "views.csv", ("userId", "movieId", "timestamp"), rows)
    split = SplitConfig(held_out=1)
    ingested = ingest(tmp_path / "in", DataConfig(source="files", ratings=str(path)), split, leave_out_seen=rule)
    rows, peer = judged_rows(ingested, tmp_path / "judged")
    assert peer == name
    (found,) = [row["peer_item_ids"] for row in rows if row["user_id"] == [b"ann"]]
    assert found[:1] == [ann]


def test_lists_are_as_long_as_a_tenth_of_what_anybody_had_however_large_the_catalogue(tmp_path):
    # 40 users had 6 of 40 items each, one after the other; 960 items of the catalogue nobody ever had.
    rows = [(f"u{user}", f"m{(user + step) % 40}", step + 1) for user in range(40) for step in range(6)]
    path = write_csv(tmp_path / "views.csv", ("userId", "movieId", "timestamp"), rows)
    items = write_csv(tmp_path / "movies.csv", ITEMS_HEADER, [(f"m{item}", "", "") for item in range(1_000)])
    data = DataConfig(source="files", ratings=str(path), items=str(items))
    rows, _ = judged_rows(ingest(tmp_path / "in", data, SplitConfig(held_out=1)), tmp_path / "judged")
    assert {len(row[name]) for row in rows for name in ("popular_item_ids", "peer_item_ids") if name in row} == {4}


def test_dislikes_are_learned_from_by_no_peer(tmp_path):
    # Only a 1 is a like. Liked training rows: b by p and q, a by x. Without dislikes a would be the most popular.
    train = [("p", "a", 0), ("q", "a", 0), ("p", "b", 1), ("q", "b", 1), ("x", "a", 1), ("y", "c", 0)]
    files = {
        "ratings": [(*row, 100) for row in train],
        "eval_ratings": [("p", "c", 1, 200), ("q", "c", 0, 200)],
        "test_ratings": [("y", "d", 1, 300)],
    }
    paths = {name: str(write_csv(tmp_path / f"{name}.csv", RATINGS_HEADER, rows)) for name, rows in files.items()}
    ingested = ingest(tmp_path / "in", DataConfig(source="files", has_ratings="true", **paths))
    rows, _ = judged_rows(ingested, tmp_path / "judged")
    (row,) = rows
    assert row["popular_item_ids"] == row["peer_item_ids"] == [b"b"]
    counts = read_popularity(f"{tmp_path}/judged/popularity.parquet")
    assert counts == {b"a": 1, b"b": 2, b"c": 0, b"d": 0}


@pytest.mark.parametrize(("columns", "first"), [(4, b"d"), (3, b"c")], ids=["dated", "undated"])
def test_recent_items_weigh_more_only_where_the_rows_are_dated(tmp_path, columns, first):
    # a goes with c as b goes with d. To x, who had a and then b, d is nearer; without times c, the first of two equals.
    pairs = [("p", "a"), ("p", "c"), ("q", "a"), ("q", "c"), ("r", "b"), ("r", "d"), ("s", "b"), ("s", "d")]
    train = [(user, item, 4, 100) for user, item in pairs] + [("x", "a", 4, 100), ("x", "b", 4, 200)]
    parts = {"ratings": train, "eval_ratings": [("p", "e", 4, 300)], "test_ratings": [("x", "e", 4, 400)]}
    files = {
        name: str(write_csv(tmp_path / f"{name}.csv", RATINGS_HEADER[:columns], [row[:columns] for row in rows]))
        for name, rows in parts.items()
    }
    items = write_csv(tmp_path / "movies.csv", ITEMS_HEADER, [(i, i, "Drama") for i in "abcdefghij"])
    ingested = ingest(tmp_path / "ingested", DataConfig(source="files", items=str(items), **files))
    ((row,), _) = judged_rows(ingested, tmp_path / "judged")
    assert row["peer_item_ids"] == [first]
