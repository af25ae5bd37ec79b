"""Splits on rows small enough to part by hand."""

from __future__ import annotations

import numpy as np
import pytest

from components.errors import InputError
from components.ingestion.config import SplitConfig
from components.ingestion.interactions import (
    Rows,
    by_hash_within_ties,
    one_row_a_moment,
    one_row_a_pair,
    repeated,
    tied_rows,
)
from components.ingestion.source import SourceFacts
from components.ingestion.splits import (
    Cuts,
    Splitter,
    at_random,
    by_time,
    id_hashes,
    leave_last,
    require_all_parts,
    resolve_kind,
    shares_of_time,
)

DATED = SourceFacts(name="x", has_ratings=True, has_timestamps=True)
UNDATED = SourceFacts(name="x", has_ratings=True, has_timestamps=False)
THREE_FILES = SourceFacts(name="x", has_ratings=True, has_timestamps=True, presplit=True)


def rows_of(triples, parts=None) -> Rows:
    """Rows from (user number, catalogue row, timestamp)."""
    users, items, times = (np.array(column) for column in zip(*triples, strict=True))
    return Rows(
        first_user=0,
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        ratings=np.arange(len(users), dtype=np.float32),
        weights=np.ones(len(users), np.float32),
        timestamps=times.astype(np.int64),
        parts=np.zeros(len(users), np.int8) if parts is None else np.array(parts, np.int8),
        contexts=np.zeros(len(users), np.int32),
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
    assert leave_last(rows_of([(0, item, item) for item in range(rows)]), held_out).tolist() == expected


def test_leave_last_parts_each_user_alone():
    rows = rows_of([(0, 0, 9), (0, 1, 10), (1, 0, 1), (1, 1, 2), (1, 2, 3), (2, 0, 5)])
    assert leave_last(rows, 1).tolist() == [0, 0, 0, 1, 2, 0]


def test_one_user_with_twenty_rows_is_enough():
    assert np.bincount(leave_last(rows_of([(0, item, item) for item in range(20)]), 5)).tolist() == [10, 5, 5]


def splitter(kind="leave_last", users=1, items=1, **options) -> Splitter:
    return Splitter(
        kind,
        SplitConfig(**options),
        None,
        id_hashes([b"u%d" % n for n in range(users)], options.get("seed", 42), b"user"),
        id_hashes([b"m%d" % n for n in range(items)], options.get("seed", 42), b"item"),
    )


def test_of_many_users_a_drawn_part_gives_rows_to_eval_and_test():
    rows = rows_of([(user, item, item) for user in range(1_000) for item in range(6)])
    parts = splitter(users=1_000, items=6, most_users=300).parts(rows, whole=True)
    given = np.bincount(rows.users[parts == 2], minlength=1_000)
    assert set(given.tolist()) == {0, 2}
    assert 240 <= np.count_nonzero(given) <= 360  # four standard errors around 300
    everybody = splitter(users=1_000, items=6, most_users=1_000).parts(rows, whole=True)
    assert np.bincount(rows.users[everybody == 2]).tolist() == [2] * 1_000


def test_shares_of_time_cut_at_the_quantiles():
    cuts = shares_of_time(np.arange(10), np.ones(10, np.int64), 0.2, 0.1)
    assert by_time(np.arange(10), cuts).tolist() == [0] * 7 + [1, 1, 2]


def test_shares_of_time_never_part_equal_times():
    cuts = shares_of_time(np.array([1, 2, 3, 4]), np.array([1, 7, 1, 1]), 0.4, 0.1)
    assert by_time(np.array([1, 2, 2, 3, 4]), cuts).tolist() in ([0, 0, 0, 1, 2], [0, 1, 1, 1, 2])


def test_shares_of_three_times_give_each_part_one():
    cuts = shares_of_time(np.array([5, 6, 7]), np.array([4, 1, 1]), 0.1, 0.1)
    assert (cuts.train, cuts.eval) == (5, 6)


def test_shares_of_two_times_are_refused():
    with pytest.raises(InputError, match="three different times"):
        shares_of_time(np.array([1, 2]), np.array([2, 1]), 0.1, 0.1)


def test_rows_up_to_a_cut_lie_before_it():
    assert by_time(np.array([1, 5, 6, 8, 9]), Cuts(train=5, eval=8)).tolist() == [0, 0, 1, 1, 2]


def test_random_split_follows_the_pair_and_not_the_order_of_rows_or_further_rows():
    rows = rows_of([(user, item, 0) for user in range(20) for item in range(30)])
    some = np.random.default_rng(0).permutation(len(rows))[:200]
    hashes = splitter("random", 20, 30).hashes(rows)
    assert splitter("random", 20, 30).hashes(rows.take(some)).tolist() == hashes[some].tolist()
    parts = at_random(hashes, 0.1, 0.2, fill=False)
    assert at_random(hashes[some], 0.1, 0.2, fill=False).tolist() == parts[some].tolist()


def test_random_split_meets_its_shares_and_changes_with_the_seed():
    rows = rows_of([(user, item, 0) for user in range(100) for item in range(100)])
    one, other = (at_random(splitter("random", 100, 100, seed=n).hashes(rows), 0.1, 0.2, fill=True) for n in (1, 2))
    np.testing.assert_allclose(np.bincount(one) / len(one), [0.7, 0.1, 0.2], atol=0.015)  # four standard errors
    assert (one != other).mean() > 0.3


@pytest.mark.parametrize("size", [3, 4, 7])
def test_random_split_of_very_few_rows_fills_every_part(size):
    rows = rows_of([(0, item, 0) for item in range(size)])
    for seed in range(20):
        hashes = splitter("random", 1, size, seed=seed).hashes(rows)
        assert set(at_random(hashes, 0.1, 0.1, fill=True).tolist()) == {0, 1, 2}


def test_of_a_rated_pair_the_latest_by_time_then_the_last_in_order_stays():
    rows = rows_of([(0, 0, 5), (0, 1, 4), (0, 1, 4), (0, 0, 7), (0, 0, 9), (1, 0, 5)])
    assert one_row_a_pair(rows).ratings.tolist() == [2.0, 4.0, 5.0]  # ratings number the rows


def test_a_rated_pair_stays_in_the_first_part_that_has_it():
    rows = rows_of([(0, 0, 1), (0, 0, 9), (0, 1, 2), (0, 1, 3), (0, 2, 1)], parts=[0, 1, 1, 2, 2])
    assert one_row_a_pair(rows).ratings.tolist() == [0.0, 2.0, 4.0]


def test_rows_of_one_moment_are_joined_and_their_weights_added():
    rows = rows_of([(0, 3, 1), (0, 1, 1), (0, 3, 1), (0, 3, 2), (1, 3, 1)])
    joined = one_row_a_moment(rows)
    assert list(zip(joined.users, joined.items, joined.timestamps, joined.weights, strict=True)) == [
        (0, 3, 1, 2.0),
        (0, 1, 1, 1.0),
        (0, 3, 2, 1.0),
        (1, 3, 1, 1.0),
    ]
    assert repeated(joined) == 1


def test_ties_go_by_the_hash_and_never_across_times():
    rows = rows_of([(0, 0, 1), (0, 1, 2), (0, 2, 2), (0, 3, 2), (0, 4, 3), (1, 5, 2)])
    hashes = np.array([9, 7, 3, 5, 1, 0], np.uint64)
    assert by_hash_within_ties(rows, hashes).items.tolist() == [0, 2, 3, 1, 4, 5]
    assert tied_rows(rows) == 3


@pytest.mark.parametrize("sizes", [(1, 0, 0), (2, 0, 0), (0, 1, 1)])
def test_a_part_without_rows_is_refused(sizes):
    for kind in ("leave_last", "random", "presplit", "last_days"):
        with pytest.raises(InputError, match="leaves a part without rows") as caught:
            require_all_parts(sizes, kind)
        assert caught.value.action


@pytest.mark.parametrize(("facts", "kind"), [(DATED, "leave_last"), (UNDATED, "random"), (THREE_FILES, "presplit")])
def test_auto_follows_the_data(facts, kind):
    assert resolve_kind(SplitConfig(), facts) == kind


@pytest.mark.parametrize(
    ("kind", "facts", "message"),
    [
        ("leave_last", UNDATED, "needs times"),
        ("global_time", UNDATED, "needs times"),
        ("presplit", DATED, "needs three files"),
        ("random", THREE_FILES, "split the rows again"),
    ],
)
def test_a_split_that_the_data_cannot_have_is_refused_with_the_way_out(kind, facts, message):
    with pytest.raises(InputError, match=message) as caught:
        resolve_kind(SplitConfig(kind=kind), facts)
    assert caught.value.action


def test_many_users_with_two_rows_each_are_pointed_to_the_random_split():
    with pytest.raises(InputError, match="without rows") as caught:
        require_all_parts((10, 0, 0), "leave_last")
    assert "random" in caught.value.action
