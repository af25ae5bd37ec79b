"""The patience of the rating model where it is left open."""

from __future__ import annotations

import dataclasses

import pytest

from components.ranking.auto import resolve
from components.ranking.config import RankingConfig


@pytest.mark.parametrize(("rows", "expected"), [(0, 25), (1_000, 25), (1_001, 4), (4_000, 4), (4_001, 5), (20_000, 20)])
def test_an_open_patience_is_a_pass_over_the_rows_where_an_epoch_is_a_part_of_them(rows, expected):
    assert resolve(RankingConfig(patience=0, epoch_rows=1_000), rows).patience == expected


def test_what_is_set_stays():
    config = RankingConfig(patience=3)
    assert resolve(config, 10**9) == config
    assert dataclasses.replace(config, patience=0).patience == 0
