"""Batches that are made one ahead."""

from __future__ import annotations

import threading

import pytest

from components.training.ahead import one_ahead


def test_the_items_come_in_their_order_each_made_while_the_one_before_is_used():
    made = [threading.Event() for _ in range(3)]

    def items():
        for number, event in enumerate(made):
            event.set()
            yield number

    seen = []
    for number in one_ahead(items()):
        following = made[number + 1 : number + 2]
        assert all(event.wait(60) for event in following)
        assert not any(event.is_set() for event in made[number + 2 :])
        seen.append(number)
    assert seen == [0, 1, 2]


def test_what_making_an_item_raises_is_raised_where_the_item_would_come():
    def items():
        yield 1
        raise OSError("no more")

    found = one_ahead(items())
    assert next(found) == 1
    with pytest.raises(OSError, match="no more"):
        next(found)


def test_nothing_is_nothing():
    assert list(one_ahead([])) == []
