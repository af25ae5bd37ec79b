"""Every form of time, as whole Unix seconds: expected values by hand or by Python's own calendar."""

from __future__ import annotations

import math
from datetime import datetime, timezone

import duckdb
import pytest

from components.errors import InputError
from components.ingestion import times

NOON = int(datetime(2023, 11, 14, 12, 30, tzinfo=timezone.utc).timestamp())
DAY = int(datetime(2023, 11, 14, tzinfo=timezone.utc).timestamp())


def read(values, **options):
    """The seconds that a column of texts comes to, and the form in words."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    form = times.find_form("VARCHAR", [value for value in values if value], **options)
    found = connection.execute(f"SELECT {form.sql('t')} FROM unnest(?::VARCHAR[]) AS u(t)", [list(values)]).fetchall()
    return [int(value) if value is not None and math.isfinite(value) else None for (value,) in found], form.name


@pytest.mark.parametrize(
    ("text", "seconds", "form"),
    [
        (str(NOON), NOON, "Unix seconds"),
        (f"{NOON}.75", NOON, "Unix seconds"),
        (f" {NOON} ", NOON, "Unix seconds"),
        ("8.8125E8", 881_250_000, "Unix seconds"),
        ("-86400", -86_400, "Unix seconds"),
        (f"{NOON}123", NOON, "Unix milliseconds"),
        (f"{NOON}123456", NOON, "Unix microseconds"),
        (f"{NOON}123456789", NOON, "Unix nanoseconds"),
        ("20231114", DAY, "days as yyyymmdd"),
        ("20231114.0", DAY, "days as yyyymmdd"),
        ("2023-11-14 12:30:00", NOON, "dates and times"),
        ("2023-11-14T12:30:00Z", NOON, "dates and times"),
        ("2023-11-14T14:30:00+02:00", NOON, "dates and times"),
        ("2023-11-14T12:30:00.123456", NOON, "dates and times"),
        ("2023-11-14", DAY, "dates and times"),
        ("1899-12-31", -2_209_075_200, "dates and times"),
        *(
            (text, DAY, "dates with the name of the month")
            for text in ("14-Nov-2023", "14-NOV-23", "14Nov2023", "Nov 14, 2023", "2023-nov-14", "14. November 2023")
        ),
        *(
            (text, NOON, "dates with the name of the month")
            for text in (
                "November 14, 2023 12:30 PM",
                "14/Nov/2023 12:30:00",
                "Tue, 14 Nov 2023 12:30:00 GMT",
                "Tue, 14 Nov 2023 07:30:00 -0500",
                "Tue Nov 14 14:30:00 +0200 2023",
            )
        ),
        ("Sept 3, 2020", 1_599_091_200, "dates with the name of the month"),
    ],
)
def test_a_form_is_told_by_its_values(text, seconds, form):
    found, name = read([text])
    assert found == [seconds]
    assert name.startswith(form)


def test_most_of_a_column_decides_and_the_others_are_unreadable():
    values = [str(NOON + number) for number in range(9)] + ["yesterday"]
    assert read(values)[0] == [*range(NOON, NOON + 9), None]


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "１２", "0x10", "-", "the 5th of May", "May"])
def test_what_is_no_number_in_plain_digits_is_unreadable(text):
    assert read([*[str(NOON)] * 9, text])[0][-1] is None


@pytest.mark.parametrize(
    ("values", "largest", "seconds"),
    [
        (["11/14/2023 12:30", "1/2/2023 00:00"], (11, 14), [NOON, 1_672_617_600]),
        (["14/11/2023 12:30", "1/2/2023 00:00"], (14, 11), [NOON, 1_675_209_600]),
        (["14.11.2023"], (14, 11), [DAY]),
        (["11/14/23"], (11, 14), [DAY]),
        (["11/14/2023 12:30 PM"], (11, 14), [NOON]),
    ],
)
def test_the_column_says_whether_the_day_or_the_month_comes_first(values, largest, seconds):
    assert read(values, extremes=lambda: largest)[0] == seconds


def test_days_and_months_that_cannot_be_told_apart_are_asked_for():
    with pytest.raises(InputError, match=r"day or the month") as caught:
        read(["1/2/2023", "3/4/2023"], extremes=lambda: (3, 4), place="r.csv, column when")
    assert "r.csv, column when" in str(caught.value)
    assert "time_format" in caught.value.action


def test_a_format_of_ones_own_is_taken_as_it_is():
    assert read(["1|2|2023"], time_format="%d|%m|%Y")[0] == [1_675_209_600]


def test_a_unit_of_ones_own_is_taken_as_it_is():
    assert read(["5000"], unit="milliseconds")[0] == [5]


@pytest.mark.parametrize(("seconds", "year"), [(0, "1970"), (-86_400, "1969"), (1_700_000_000_000, "55,841")])
def test_a_year_is_told_for_every_number(seconds, year):
    assert times.year_of(seconds) == year
