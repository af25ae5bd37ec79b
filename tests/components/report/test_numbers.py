"""Numbers as people read them, also those that nobody meant to write."""

from __future__ import annotations

import dataclasses

import pytest

from components.report.numbers import day
from components.report.page import render
from tests.components.report.small_run import facts, summary


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "–"),
        (0, "1970-01-01"),
        (859_507_200.0, "1997-03-28"),
        (-1, "1969-12-31"),
        (-62_135_596_801, "0000-12-31"),  # the second before year 1, where Python's dates begin
        (253_402_300_800, "10000-01-01"),  # the second after year 9999, where they end
        (1_700_000_000_000, "55840-11-08"),  # milliseconds taken for seconds
        (1_700_000_000_000_000_000, "53870857431-07-31"),  # nanoseconds
    ],
)
def test_a_day_of_any_year(seconds: float | None, written: str) -> None:
    assert day(seconds) == written


@pytest.mark.parametrize("days", [200, 4_000])
def test_the_page_shows_rows_of_a_far_year(days: int) -> None:
    profile = facts().profile
    first = 1_700_000_000_000
    bins = len(profile["periods"]["edges"])
    edges = [first + position * days * 86_400 // bins for position in range(bins)]
    splits = [{**split, "first": first, "last": edges[-1]} for split in profile["splits"]]
    far = {**profile, "splits": splits, "periods": {**profile["periods"], "edges": edges}}
    page = render(dataclasses.replace(facts(), profile=far), summary())
    assert "Interactions over time, from 55840-11-08" in page
    assert (">55840-11<" if days > 3 * 365 else ">55840-11-08<") in page
