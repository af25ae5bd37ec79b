"""Times of any common form as whole Unix seconds, by SQL: numbers of four units, ISO 8601, slashes, names of months."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from components.errors import InputError

SECONDS, MILLISECONDS, MICROSECONDS, NANOSECONDS = "seconds", "milliseconds", "microseconds", "nanoseconds"
UNITS = {SECONDS: 1, MILLISECONDS: 10**3, MICROSECONDS: 10**6, NANOSECONDS: 10**9}
AUTO = "auto"

EARLIEST, LATEST = -6_857_222_400, 4_102_444_800
"""1752-09-14 and 2100-01-01: what lies outside is a mistake or another unit."""

MOST_OF_THEM = 0.8
"""Share of a sample above which its form is the column's; the others are bad rows."""

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_DAY_NUMBER = re.compile(r"\s*(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.0*)?\s*", re.ASCII)
_SLASHED = re.compile(
    r"\s*(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:[ T,]+(\d{1,2}):(\d{2})(:\d{2})?( ?[AaPp][Mm])?)?\s*"
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?", re.ASCII)
_NAMED = re.compile(r"(?:^|[^a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[^a-z].*\d", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class TimeForm:
    """How a column of times is read.

    Attributes:
      name: The form in words.
      sql: Of the column's expression, an expression of DOUBLE or BIGINT seconds; NULL where a value has another form.
    """

    name: str
    sql: Callable[[str], str]


def undated() -> TimeForm:
    """The form of a table without times: every time is 0."""
    return TimeForm("no times", lambda column: "0::BIGINT")


def find_form(
    kind: str,
    sample: Sequence[str],
    *,
    unit: str = AUTO,
    time_format: str = "",
    extremes: Callable[[], tuple[int, int]] = lambda: (0, 0),
    place: str = "",
) -> TimeForm:
    """The form of a column.

    Args:
      kind: DuckDB's type of the column.
      sample: Some of its values as text, none empty.
      unit: Of numbers: one of UNITS, or AUTO: by their size.
      time_format: As strptime has it; empty: found from the sample.
      extremes: Asks the whole column for the largest first and second number of dates such as 3/4/2021.
      place: The column, for messages.

    Raises:
      InputError: Days and months cannot be told apart, or the form is unknown.
    """
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return TimeForm(f"{kind.lower()} values", lambda column: f"epoch({column}::TIMESTAMPTZ)")
    if time_format:
        return TimeForm(f"times as {time_format}", lambda column: _strptime(column, (time_format,)))
    if not sample:
        return _number_form(SECONDS if unit == AUTO else unit)
    numbers = [value for value in sample if _NUMBER.fullmatch(value)]
    if len(numbers) > MOST_OF_THEM * len(sample):
        if unit == AUTO and all(_DAY_NUMBER.fullmatch(value) for value in numbers):
            return TimeForm("days as yyyymmdd", lambda column: _strptime(f"split_part({column}, '.', 1)", ("%Y%m%d",)))
        return _number_form(_unit_of(numbers) if unit == AUTO else unit)
    slashed = [match for value in sample if (match := _SLASHED.fullmatch(value))]
    if len(slashed) > MOST_OF_THEM * len(sample):
        return _slashed_form(slashed[0], extremes(), place)
    if sum(bool(_NAMED.search(value)) for value in sample) > MOST_OF_THEM * len(sample):
        return TimeForm("dates with the name of the month (without a zone they count as UTC)", _named)
    return TimeForm(
        "dates and times (ISO 8601; without a zone they count as UTC)",
        lambda column: f"epoch(try_cast({column} AS TIMESTAMPTZ))",
    )


def is_day(text: str) -> bool:
    """Whether a text is no number and has no time of day."""
    return ":" not in text and not _NUMBER.fullmatch(text)


def is_time_of_day(text: str) -> bool:
    """Whether a text is hours and minutes, perhaps seconds, and no day."""
    return bool(_CLOCK.fullmatch(text))


def plain_number(text: str) -> str:
    """The DOUBLE that a text writes out in plain digits; NULL for any other text (SQL for SQL)."""
    return f"(CASE WHEN contains({text}, '_') THEN NULL ELSE try_cast({text} AS DOUBLE) END)"


def year_of(seconds: float) -> str:
    """The year of a time, also of one that no calendar holds."""
    if -62_135_596_800 <= seconds < 253_402_300_800:
        return str((datetime(1970, 1, 1) + timedelta(seconds=seconds)).year)
    return f"{1970 + round(seconds / 31_556_952):,}"


def _unit_of(sample: Sequence[str]) -> str:
    """The unit in which the middle value lies between 1970 and 2100 or near it: each is a thousand times the last."""
    sizes = sorted(abs(float(value)) for value in sample)
    middle = sizes[len(sizes) // 2]
    for unit, limit in ((SECONDS, 1e11), (MILLISECONDS, 1e14), (MICROSECONDS, 1e17)):
        if middle < limit:
            return unit
    return NANOSECONDS


def _number_form(unit: str) -> TimeForm:
    factor = UNITS[unit]

    def sql(column: str) -> str:
        number = plain_number(f"{column}::VARCHAR")
        return f"floor({number} / {factor})" if factor > 1 else number

    return TimeForm(f"Unix {unit}", sql)


def _slashed_form(example: re.Match[str], extremes: tuple[int, int], place: str) -> TimeForm:
    first, second = extremes
    if first <= 12 and second <= 12:
        raise InputError(
            f"{place}: it is unclear whether the day or the month comes first",
            expected="a value above 12 in one of the two places, or the format",
            received=f"values such as {example.group().strip()}",
            action="give the format, for instance --set data.time_format=%d/%m/%Y or %m/%d/%Y (as strptime has it)",
        )
    separator = example.group(2)
    order = ("%d", "%m") if first > 12 else ("%m", "%d")
    day = separator.join((*order, "%Y" if len(example.group(4)) == 4 else "%y"))
    formats = [f"{day}{clock}" for clock in (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "")]
    return TimeForm(
        "dates with the day first" if first > 12 else "dates with the month first",
        lambda column: _strptime(column, formats),
    )


def _named(column: str) -> str:
    """Dates such as 5-Jan-2024, January 5, 2024 3:04 PM, and those of mails: Wed, 12 Feb 2020 10:00:00 +0100."""
    text = f"trim({column}::VARCHAR)"
    for pattern, replacement in (
        (r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\b|\b(gmt|utc)$", ""),
        (r"\bsept\b", "sep"),
        (r"([a-z0-9])-", r"\1 "),
        (r"[\s,./]+", " "),
    ):
        text = f"regexp_replace({text}, '{pattern}', '{replacement}', 'gi')"
    days = [
        day
        for month in ("%b", "%B")
        for day in (f"%d {month} %y", f"%d {month} %Y", f"{month} %d %Y", f"%Y {month} %d")
    ]
    clocks = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S %z")
    return _strptime(text, [day + clock for day in [*days, "%d%b%Y"] for clock in clocks] + ["%b %d %H:%M:%S %z %Y"])


def _strptime(column: str, formats: Sequence[str]) -> str:
    listed = ", ".join("'" + one.replace("'", "''") + "'" for one in formats)
    return f"epoch(try_strptime(trim({column}::VARCHAR), [{listed}]))"
