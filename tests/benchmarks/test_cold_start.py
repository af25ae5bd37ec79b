"""The split by items."""

import pandas as pd

from benchmarks.cold_start import new_item_split


def test_a_tenth_of_the_items_is_unknown_outside_of_test():
    ratings = pd.DataFrame({"user": [row % 7 for row in range(600)], "item": [row % 30 for row in range(600)]})
    parts = new_item_split(ratings)
    new = set(parts["test"]["item"])
    assert len(new) == 3
    assert not new & (set(parts["train"]["item"]) | set(parts["valid"]["item"]))
    assert len(parts["test"]) == 60  # each item has 20 rows
    assert len(parts["valid"]) == 54
    assert sorted(pd.concat(parts.values()).index) == list(range(600))
