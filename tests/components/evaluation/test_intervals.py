"""Intervals from drawn users, however the users come; and the rule that makes verdicts of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.evaluation.metrics.bootstrap import Bootstrap, Interval
from components.evaluation.metrics.user_sums import GROUPS, MAX_USERS, UserNumbers, UserSums
from components.evaluation.metrics.verdict import headroom


def interval(values: np.ndarray, samples: int = 1000, seed: int = 1) -> Interval:
    """Of the mean of one number a user."""
    sums = np.stack([np.ones(len(values)), values], axis=1)
    return Bootstrap(sums, samples, seed).interval(lambda drawn: drawn[:, 1] / drawn[:, 0])


def test_users_who_all_gain_the_same_leave_no_doubt() -> None:
    assert interval(np.full(10, 0.25)) == Interval(0.25, 0.25, 0.25)


def test_the_interval_is_that_of_a_binomial() -> None:
    # 100 users of whom half gain 1: the sum is binomial(100, 1/2), with percentiles 40 and 60.
    found = interval(np.repeat([0.0, 1.0], 50), samples=20_000)
    assert (found.lower, found.upper) == pytest.approx((0.40, 0.60), abs=0.011)


def test_users_are_drawn_and_not_rows() -> None:
    # One user with a thousand rows of error 0, one with a thousand of error 1: two users are hardly any evidence.
    sums = np.array([[1000.0, 0.0], [1000.0, 1000.0]])
    found = Bootstrap(sums, 1000, 1).interval(lambda drawn: drawn[:, 1] / drawn[:, 0])
    assert found == Interval(0.5, 0.0, 1.0)


def test_draws_without_anybody_concerned_are_left_out() -> None:
    # One user in three has a new item, and gains 1; the share is of such users.
    sums = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    share = Bootstrap(sums, 1000, 1).interval(lambda drawn: drawn[:, 1] / drawn[:, 0])
    assert share == Interval(1.0, 1.0, 1.0)
    nobody = Bootstrap(sums[:2], 1000, 1).interval(lambda drawn: drawn[:, 1] / drawn[:, 0])
    assert math.isnan(nobody.value) and math.isnan(nobody.lower)


def summed(rows: list[UserNumbers], bundles: int) -> np.ndarray:
    """What the figures are made of, after the rows went to several accumulators, some merged twice."""
    combiner = UserSums(2, lambda sums: {"sums": sums})
    accumulators = [combiner.create_accumulator() for _ in range(bundles)]
    for position, row in enumerate(rows):
        accumulators[position % bundles] = combiner.add_input(accumulators[position % bundles], row)
    half = bundles // 2
    merged = combiner.merge_accumulators(accumulators[:half])
    return combiner.extract_output(combiner.merge_accumulators([merged, *accumulators[half:]]))["sums"]


@pytest.mark.parametrize("users", [50, MAX_USERS + 200])
def test_neither_order_nor_shards_change_a_digit(users: int) -> None:
    generator = np.random.default_rng(5)
    hashes = generator.integers(2**64, size=users, dtype=np.uint64).tolist()
    rows = [UserNumbers.of(user, [1.0, generator.random()]) for user in hashes for _ in range(3)]
    once = summed(rows, 1)
    assert len(once) == (users if users <= MAX_USERS else len({user >> 54 for user in hashes}))
    assert once[:, 0].sum() == 3 * users
    for bundles in (4, 9):
        shuffled = [rows[at] for at in generator.permutation(len(rows))]
        assert np.array_equal(summed(shuffled, bundles), once)


def test_many_users_in_groups_have_the_interval_of_the_users() -> None:
    generator = np.random.default_rng(6)
    values = generator.normal(0.1, 1.0, size=20_000)
    groups = generator.integers(GROUPS, size=len(values))
    sums = np.stack([np.bincount(groups), np.bincount(groups, weights=values)], axis=1)
    found = Bootstrap(sums, 1000, 1).interval(lambda drawn: drawn[:, 1] / drawn[:, 0])
    half_width = 1.96 * values.std() / math.sqrt(len(values))
    assert (found.upper - found.lower) / 2 == pytest.approx(half_width, rel=0.1)


@pytest.mark.parametrize(
    ("value", "lower", "upper", "refused"),
    [
        (-0.050, -0.080, -0.020, True),  # clearly worse, and by more than is tolerated
        (-0.050, -0.120, 0.010, False),  # within noise
        (-0.008, -0.009, -0.007, False),  # clearly worse, by less than matters
        (0.030, 0.010, 0.050, False),
        (0.0, 0.0, 0.0, False),  # the same lists
        (math.nan, math.nan, math.nan, True),
    ],
)
def test_worse_by_more_than_noise_and_by_more_than_matters_is_refused(
    value: float, lower: float, upper: float, refused: bool
) -> None:
    assert (not headroom(Interval(value, lower, upper), 0.01, higher_is_better=True) >= 0) == refused
    mirrored = Interval(-value, -upper, -lower)  # an error instead of a gain
    assert (not headroom(mirrored, 0.01, higher_is_better=False) >= 0) == refused


@pytest.mark.parametrize(("true_change", "least", "most"), [(0.0, 0.0, 0.06), (-0.15, 0.8, 1.0)])
def test_equal_models_are_rarely_refused_and_far_worse_ones_nearly_always(
    true_change: float, least: float, most: float
) -> None:
    # 100 users; recall of 5 held-out items changes by a fifth up or down for some of them.
    generator = np.random.default_rng(7)
    refusals = 0
    for seed in range(200):
        changes = generator.binomial(5, 0.3 + true_change, size=100) / 5 - generator.binomial(5, 0.3, size=100) / 5
        refusals += headroom(interval(changes, samples=300, seed=seed), 0.01, higher_is_better=True) < 0
    assert least <= refusals / 200 <= most
