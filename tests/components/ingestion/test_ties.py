"""Whether the order of rows of the same time is that of the events, or a sort that would give answers away."""

from __future__ import annotations

import numpy as np
import pytest

from components.ingestion.ties import is_log

BASKETS, SIZE = 200, 5


def log(order: str) -> tuple[np.ndarray, ...]:
    """Baskets of five items of one user at one moment, in the order of time; `order`: within a basket."""
    rng = np.random.default_rng(3)
    users = np.repeat(rng.integers(0, 40, BASKETS), SIZE)
    times = np.repeat(np.arange(BASKETS) * 60, SIZE)
    numbers = rng.permuted(np.tile(np.arange(30), (BASKETS, 1)), axis=1)[:, :SIZE]
    counts = np.bincount(numbers.ravel(), minlength=30)
    if order == "text":
        numbers = np.array([sorted(basket, key=str) for basket in numbers])
    elif order == "falling":
        numbers = np.sort(numbers, axis=1)[:, ::-1]
    elif order == "popular":
        numbers = np.array([sorted(basket, key=lambda item: -counts[item]) for basket in numbers])
    flat = numbers.ravel()
    return users, np.array([f"i{number}" for number in flat], object), times, counts[flat]


def test_a_log_in_the_order_of_time_keeps_its_order():
    assert is_log(*log("drawn"))


@pytest.mark.parametrize("order", ["text", "falling", "popular"])
def test_ties_that_are_sorted_by_anything_of_the_item_are_no_log(order):
    assert not is_log(*log(order))


def test_ids_sorted_as_numbers_are_told_though_they_are_not_sorted_as_text():
    users, items, times, counts = log("drawn")
    by_number = np.lexsort(([int(item[1:]) for item in items], times))
    assert not is_log(users[by_number], items[by_number], times[by_number], counts[by_number])


def test_rows_that_are_not_in_the_order_of_time_are_no_log():
    users, items, times, counts = log("drawn")
    assert not is_log(users, items, times[::-1], counts)


def test_too_few_ties_tell_nothing():
    users, items, times, counts = (column[:20] for column in log("drawn"))
    assert not is_log(users, items, times, counts)
