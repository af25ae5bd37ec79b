"""Settings that follow from the data where they are left open."""

import dataclasses

import numpy as np
import pytest

from components.examples import RaggedRows
from components.retrieval.auto import resolve
from components.retrieval.config import RetrievalConfig

OPEN = RetrievalConfig(min_ratings=0, embedding_dim=0, batch_size=0, patience=0)


def rows(users, each):
    return RaggedRows(row_splits=np.arange(users + 1) * each, rows=np.zeros(users * each, np.int32))


@pytest.mark.parametrize(
    ("users", "each", "items", "expected"),
    [
        (100, 29, 20_000, (1, 64, 256, 1_024)),  # below 30 rows a user: sparse
        (57_656, 1, 20_000, (1, 64, 1_024, 1_024)),  # 97,656 vectors of 1,024 are 99,999,744 numbers
        (57_657, 1, 20_000, (1, 64, 1_024, 512)),
        (100, 29, 300_000, (1, 64, 256, 128)),
        (100, 29, 400_000, (1, 64, 256, 64)),
        (1_000_000, 1, 1_000_000, (1, 64, 1_024, 32)),
        (5_000, 30, 20_000, (5, 128, 1_024, 128)),
        (5_000, 30, 299_999, (5, 128, 1_024, 128)),
        (5_000, 30, 300_000, (5, 64, 1_024, 128)),
        (5_000, 30, 500_000, (5, 64, 1_024, 64)),
        (0, 0, 0, (1, 64, 256, 1_024)),
    ],
)
def test_open_settings_are_chosen_by_rows_a_user_users_and_items(users, each, items, expected):
    found = resolve(OPEN, rows(users, each), items)
    assert (found.min_ratings, found.embedding_dim, found.batch_size, found.transitions_dim) == expected


def test_what_is_set_stays():
    chosen = dataclasses.replace(OPEN, min_ratings=3, embedding_dim=8, batch_size=32, transitions_dim=0, patience=3)
    assert resolve(chosen, rows(100, 3), 50) == chosen


def test_the_patience_is_less_where_an_epoch_is_a_part_of_the_rows():
    config = dataclasses.replace(OPEN, cuts_per_user=2, epoch_rows=2_000)
    assert resolve(config, rows(1_000, 3), 50).patience == 15
    assert resolve(config, rows(1_001, 3), 50).patience == 8
