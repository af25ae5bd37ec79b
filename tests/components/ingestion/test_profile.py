"""The profile of the tiny data, counted by hand from tests/datasets.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components.ingestion.config import DataConfig, SplitConfig
from components.ingestion.interactions import Rows
from components.ingestion.profile import MOST_PERIODS, Profile, Range
from tests.datasets import RATINGS_HEADER, TINY_RATINGS, ingest, write_csv, write_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile")
    data = write_tiny(folder / "data")
    write_csv(data / "ratings.csv", RATINGS_HEADER, [*TINY_RATINGS, ("cy", "m6", "4.0", "55")])  # cy's m6 once more
    ingest(folder, DataConfig(source="files", ratings=str(data)), SplitConfig(held_out=2))
    return json.loads(Path(folder / "profile" / "profile.json").read_text())


def test_splits_have_their_rows_users_items_and_times(tiny):
    assert tiny["splits"] == [
        # ann m1 m2, bob m1, cy m6 m1; cy's later row of m6 (4 stars) is the one that is kept
        {"name": "train", "rows": 5, "users": 3, "items": 3, "first": 55, "last": 200, "mean_rating": 18 / 5},
        {"name": "eval", "rows": 3, "users": 2, "items": 2, "first": 250, "last": 400, "mean_rating": 3.6667},
        {"name": "test", "rows": 3, "users": 2, "items": 2, "first": 350, "last": 600, "mean_rating": 2.8333},
    ]
    assert (tiny["users"], tiny["items"], tiny["added_items"], tiny["duplicates_dropped"]) == (3, 7, 0, 1)
    assert (tiny["split"], tiny["has_ratings"], tiny["has_timestamps"], tiny["refit"]) == (
        "leave_last",
        True,
        True,
        False,
    )


def test_ratings_are_counted_value_by_value(tiny):
    assert tiny["ratings"] == {
        "edges": [0.5, 1, 2, 3, 4, 4.5, 5],  # of the source: its only 0.5 is cy's first row of m6
        "train": [0, 0, 1, 1, 2, 0, 1],  # m1 4, m2 3, bob's m1 5, cy's m1 2 and m6 4
        "eval": [0, 0, 1, 0, 1, 0, 1],
        "test": [0, 1, 0, 1, 0, 1, 0],
    }


def test_users_and_items_by_their_training_rows(tiny):
    assert tiny["rows_per_user"] == {"edges": [1, 2], "counts": [1, 2], "without": 0}
    assert tiny["rows_per_item"] == {"edges": [1, 2], "counts": [2, 1], "without": 4}  # m2 m6, m1
    assert tiny["top_share"] == 3 / 5  # one item of seven, m1


def test_periods_cover_every_row_once(tiny):
    periods = tiny["periods"]
    assert (periods["edges"][0], periods["edges"][-1]) == (50, 601)  # of the source
    assert len(periods["edges"]) == MOST_PERIODS + 1
    assert [sum(periods[name]) for name in ("train", "eval", "test")] == [5, 3, 3]
    assert periods["test"][-1] == 1  # the latest row


def rows(ratings, timestamps):
    count = len(ratings)
    return Rows(
        first_user=0,
        users=np.zeros(count, np.int32),
        items=np.arange(count, dtype=np.int32),
        ratings=np.array(ratings, np.float32),
        weights=np.ones(count, np.float32),
        timestamps=np.array(timestamps, np.int64),
        parts=np.zeros(count, np.int8),
        contexts=np.zeros(count, np.int32),
    )


def counted(block: Rows, items: int, *, rated: bool, dated: bool) -> dict:
    values = tuple(np.unique(block.ratings).tolist())
    seen = Range(
        rows=len(block),
        ratings=values if len(values) <= 20 else (values[0], values[-1]),
        continuous=len(values) > 20,
        first=int(block.timestamps.min()),
        last=int(block.timestamps.max()),
        weighted=False,
    )
    profile = Profile(items, seen, has_ratings=rated, has_timestamps=dated)
    profile.add(block)
    return profile.as_dict()


def test_many_distinct_ratings_are_counted_in_equal_bins():
    found = counted(rows(np.arange(101), np.zeros(101)), 101, rated=True, dated=True)
    assert found["ratings"]["edges"] == [float(5 * number) for number in range(20)]
    assert found["ratings"]["train"] == [5] * 19 + [6]  # the last bin holds 95 to 100
    assert found["periods"] == {"edges": [0, 1], "train": [101], "eval": [0], "test": [0]}  # all at one moment


def test_data_without_ratings_and_times():
    found = counted(rows([1, 1], [0, 0]), 3, rated=False, dated=False)
    assert found["ratings"] is None
    assert found["periods"] is None
    assert found["splits"][0]["mean_rating"] is None
    assert found["splits"][0]["first"] is None
    assert found["splits"][1]["rows"] == 0


def test_repeats_ties_and_the_heaviest_user_are_counted():
    block = Rows(
        first_user=0,
        users=np.array([0, 0, 0, 0, 1], np.int32),
        items=np.array([7, 8, 7, 7, 7], np.int32),
        ratings=np.ones(5, np.float32),
        weights=np.ones(5, np.float32),
        timestamps=np.array([1, 1, 2, 3, 1]),
        parts=np.zeros(5, np.int8),
        contexts=np.zeros(5, np.int32),
    )
    found = counted(block, 9, rated=False, dated=True)
    assert (found["repeat_share"], found["tie_share"], found["heaviest_user"]) == (2 / 5, 2 / 5, 4)
