"""Splits on rows small enough to part by hand."""

from __future__ import annotations

import numpy as np
import pytest

from components.errors import InputError
from components.ingestion.blocks import SourceFacts
from components.ingestion.config import SplitConfig
from components.ingestion.interactions import Rows, in_order, text_ranks, without_duplicates
from components.ingestion.splits import assign_parts, at_random, global_time, leave_last, resolve_kind

DATED = SourceFacts(name="x", has_ratings=True, has_timestamps=True)
UNDATED = SourceFacts(name="x", has_ratings=True, has_timestamps=False)
THREE_FILES = SourceFacts(name="x", has_ratings=True, has_timestamps=True, presplit=True)


def ids(*values: str) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = [value.encode() for value in values]
    return array


def rows_of(triples, parts=None) -> Rows:
    """Rows from (user number, catalogue row, timestamp)."""
    users, movies, times = (np.array(column) for column in zip(*triples, strict=True))
    return Rows(
        user_ids=ids(*(f"u{number}" for number in range(users.max() + 1))),
        users=users.astype(np.int32),
        movies=movies.astype(np.int32),
        ratings=np.arange(len(users), dtype=np.float32),
        timestamps=times.astype(np.int64),
        parts=np.zeros(len(users), np.int8) if parts is None else np.array(parts, np.int8),
    )


@pytest.mark.parametrize(
    ("rows", "held_out", "expected"),
    [
        (1, 5, [0]),
        (2, 5, [0, 0]),
        (3, 5, [0, 1, 2]),
        (5, 5, [0, 0, 0, 1, 2]),
        (6, 5, [0, 0, 1, 1, 2, 2]),
        (7, 1, [0, 0, 0, 0, 0, 1, 2]),
    ],
)
def test_leave_last_takes_at_most_a_third_for_each_part(rows, held_out, expected):
    assert leave_last(rows_of([(0, movie, movie) for movie in range(rows)]), held_out).tolist() == expected


def test_leave_last_parts_each_user_alone():
    rows = rows_of([(0, 0, 9), (0, 1, 10), (1, 0, 1), (1, 1, 2), (1, 2, 3), (2, 0, 5)])
    assert leave_last(rows, 1).tolist() == [0, 0, 0, 1, 2, 0]


def test_one_user_with_twenty_rows_is_enough():
    rows = rows_of([(0, movie, movie) for movie in range(20)])
    parts = assign_parts(rows, ids(*map(str, range(20))), "leave_last", SplitConfig())
    assert np.bincount(parts).tolist() == [10, 5, 5]


def test_equal_times_are_ordered_by_movie_id_as_text():
    rows = rows_of([(0, 0, 7), (0, 1, 7), (0, 2, 7), (0, 3, 1)])
    ordered = in_order(rows, [b"9", b"10", b"100", b"5"])
    assert ordered.movies.tolist() == [3, 1, 2, 0]


def test_order_does_not_depend_on_the_order_of_the_file():
    rng = np.random.default_rng(0)
    triples = [(user, movie, int(rng.integers(3))) for user in range(4) for movie in range(6)]
    movie_ids = [str(movie).encode() for movie in (12, 3, 1, 20, 2, 100)]
    first = in_order(rows_of(triples), movie_ids)
    shuffled = [triples[position] for position in rng.permutation(len(triples))]
    second = in_order(rows_of(shuffled), movie_ids)
    assert first.movies.tolist() == second.movies.tolist()
    assert first.timestamps.tolist() == second.timestamps.tolist()


def test_global_time_cuts_at_the_quantiles():
    assert global_time(np.arange(10), 0.2, 0.1).tolist() == [0] * 7 + [1, 1, 2]


def test_global_time_never_parts_equal_times():
    times = np.array([1, 2, 2, 2, 2, 2, 2, 2, 3, 4])
    parts = global_time(times, 0.4, 0.1)
    assert len(set(parts[times == 2].tolist())) == 1
    assert set(parts.tolist()) == {0, 1, 2}


def test_global_time_with_three_times_gives_each_part_one():
    assert global_time(np.array([5, 5, 5, 5, 6, 7]), 0.1, 0.1).tolist() == [0, 0, 0, 0, 1, 2]


def test_global_time_with_two_times_is_refused():
    with pytest.raises(InputError, match="three different times"):
        global_time(np.array([1, 1, 2]), 0.1, 0.1)


def test_random_split_follows_the_pair_and_not_the_order_of_rows_or_ids():
    triples = [(user, movie, 0) for user in range(20) for movie in range(30)]
    rows = rows_of(triples)
    movie_ids = ids(*(f"m{movie}" for movie in range(30)))
    parts = dict(zip(triples, at_random(rows, movie_ids, 0.1, 0.2, seed=1), strict=True))
    backwards = [(user, 29 - movie, 0) for user, movie, _ in reversed(triples)]
    again = at_random(rows_of(backwards), movie_ids[::-1], 0.1, 0.2, seed=1)
    assert all(parts[(user, 29 - movie, 0)] == part for (user, movie, _), part in zip(backwards, again, strict=True))


def test_random_split_keeps_a_row_in_its_part_when_rows_are_added():
    movie_ids = ids(*(f"m{movie}" for movie in range(60)))
    few = [(user, movie, 0) for user in range(10) for movie in range(30)]
    many = few + [(user, movie, 0) for user in range(10) for movie in range(30, 60)]
    before = at_random(rows_of(few), movie_ids, 0.1, 0.1, seed=3)
    after = at_random(rows_of(many), movie_ids, 0.1, 0.1, seed=3)
    assert before.tolist() == after[: len(few)].tolist()


def test_random_split_meets_its_shares_and_changes_with_the_seed():
    rows = rows_of([(user, movie, 0) for user in range(100) for movie in range(100)])
    movie_ids = ids(*map(str, range(100)))
    parts = at_random(rows, movie_ids, 0.1, 0.2, seed=1)
    shares = np.bincount(parts) / len(parts)
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.015)  # four standard errors
    assert (parts != at_random(rows, movie_ids, 0.1, 0.2, seed=2)).mean() > 0.3


@pytest.mark.parametrize("size", [3, 4, 7])
def test_random_split_of_very_few_rows_fills_every_part(size):
    rows = rows_of([(0, movie, 0) for movie in range(size)])
    for seed in range(20):
        assert set(at_random(rows, ids(*map(str, range(size))), 0.1, 0.1, seed).tolist()) == {0, 1, 2}


def test_duplicates_keep_the_latest_by_time_then_the_last_in_the_file():
    rows = rows_of([(0, 0, 5), (0, 0, 9), (0, 0, 7), (0, 1, 4), (0, 1, 4), (1, 0, 5)])
    kept, dropped = without_duplicates(rows)
    assert dropped == 3
    assert kept.ratings.tolist() == [1.0, 4.0, 5.0]  # ratings number the rows


def test_a_pair_stays_in_the_first_part_that_has_it():
    rows = rows_of([(0, 0, 1), (0, 0, 9), (0, 1, 2), (0, 1, 3), (0, 2, 1)], parts=[0, 1, 1, 2, 2])
    kept, dropped = without_duplicates(rows)
    assert dropped == 2
    assert kept.ratings.tolist() == [0.0, 2.0, 4.0]


def test_rows_without_duplicates_stay_as_they_are():
    rows = rows_of([(0, 1, 1), (0, 0, 1)])
    kept, dropped = without_duplicates(rows)
    assert (kept.movies.tolist(), dropped) == ([1, 0], 0)


def test_text_ranks_sort_bytewise():
    assert text_ranks([b"9", b"10", b"a", b"B"]).tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize(("facts", "kind"), [(DATED, "leave_last"), (UNDATED, "random"), (THREE_FILES, "presplit")])
def test_auto_follows_the_data(facts, kind):
    assert resolve_kind(SplitConfig(), facts) == kind


@pytest.mark.parametrize(
    ("kind", "facts", "message"),
    [
        ("leave_last", UNDATED, "needs times"),
        ("global_time", UNDATED, "needs times"),
        ("presplit", DATED, "needs three files"),
        ("random", THREE_FILES, "part the rows anew"),
    ],
)
def test_a_split_that_the_data_cannot_have_is_refused_with_the_way_out(kind, facts, message):
    with pytest.raises(InputError, match=message) as caught:
        resolve_kind(SplitConfig(kind=kind), facts)
    assert caught.value.action


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_rows_are_refused(rows):
    few = rows_of([(0, movie, movie) for movie in range(rows)])
    for kind in ("leave_last", "random"):
        with pytest.raises(InputError, match="leaves a part without rows"):
            assign_parts(few, ids("a", "b"), kind, SplitConfig())


def test_many_users_with_two_rows_each_are_pointed_to_the_random_split():
    rows = rows_of([(user, movie, movie) for user in range(5) for movie in range(2)])
    with pytest.raises(InputError, match="without rows") as caught:
        assign_parts(rows, ids("a", "b"), "leave_last", SplitConfig())
    assert "random" in caught.value.action
