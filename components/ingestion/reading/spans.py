"""Spans: files whose paths say of which day, or of which number, they are; a run reads all up to the one it names.

A pattern has `{SPAN}` (a whole number, `{SPAN:5}` with zeros in front), or `{YYYY}`, `{MM}` and `{DD}`, as TFX's
ExampleGen has them; a span is a file, several (with `*`), or a folder of parts. Which span is the newest is said, not
looked for: a file that comes late must not make a run judge old rows as new ones.
"""

from __future__ import annotations

import dataclasses
import datetime
import re

from components.errors import InputError

_TOKEN = re.compile(r"\{(SPAN|YYYY|MM|DD)(?::(\d+))?\}")
_DIGITS = {"YYYY": 4, "MM": 2, "DD": 2}
_DATE = ("YYYY", "MM", "DD")
MOST_NAMED = 5
"""Most spans that a message names."""


@dataclasses.dataclass(frozen=True, order=True)
class Span:
    """One span.

    Attributes:
      number: Its number; of a day its ordinal, so that the day after is one more.
      name: Its name in words: 7, or 2026-11-28.
    """

    number: int
    name: str = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which spans a run reads.

    Attributes:
      newest: Name of the newest one; "" = none is named.
      count: How many up to that one; 0 = all.
    """

    newest: str = ""
    count: int = 0


def is_pattern(text: str) -> bool:
    """Whether a path has a span in it."""
    return _TOKEN.search(text) is not None


def path_of(pattern: str, day: datetime.date) -> str:
    """The path of a day's span."""
    values = {"YYYY": f"{day:%Y}", "MM": f"{day:%m}", "DD": f"{day:%d}"}
    return _TOKEN.sub(lambda found: values.get(found[1], found[0]), pattern)


def has_days(pattern: str) -> bool:
    """Whether each day has a path of its own."""
    return {found[1] for found in _TOKEN.finditer(pattern)} == set(_DATE)


def as_glob(pattern: str) -> str:
    """The pattern for whoever lists files."""

    def digits(found: re.Match[str]) -> str:
        width = _DIGITS.get(found[1]) or int(found[2] or 0)
        return "[0-9]" * width if width else "[0-9]*"

    return _TOKEN.sub(digits, pattern)


def span_of(pattern: str, path: str) -> Span | None:
    """The span of a path that the pattern's glob has found; None where it is none, such as the 31st of February."""
    parts = []
    end = 0
    for token in _TOKEN.finditer(pattern):
        parts.append(_as_regex(pattern[end : token.start()]))
        name, width = token[1], _DIGITS.get(token[1]) or int(token[2] or 0)
        seen = f"(?P<{name}>" in "".join(parts)
        parts.append(f"(?P={name})" if seen else rf"(?P<{name}>\d{{{width}}})" if width else rf"(?P<{name}>\d+)")
        end = token.end()
    found = re.fullmatch("".join(parts) + _as_regex(pattern[end:]), path)
    if found is None:
        return None
    values = found.groupdict()
    if "SPAN" in values:
        return Span(int(values["SPAN"]), str(int(values["SPAN"])))
    try:
        day = datetime.date(*(int(values[name]) for name in _DATE))
    except ValueError:
        return None
    return Span(day.toordinal(), day.isoformat())


def named(text: str, pattern: str) -> Span:
    """The span that a setting names.

    Raises:
      InputError: The pattern lacks a part of the day, or the name is none of its kind.
    """
    tokens = {token[1] for token in _TOKEN.finditer(pattern)}
    if tokens != {"SPAN"} and tokens != set(_DATE):
        raise InputError(
            f"the spans of {pattern} cannot be put in order",
            expected="{SPAN}, or {YYYY}, {MM} and {DD}",
            received=", ".join(f"{{{token}}}" for token in sorted(tokens)),
            action="correct data.ratings",
        )
    if not text:
        raise InputError(
            f"{pattern} is a pattern of spans, and the run does not say which one is the newest",
            expected="--append SPAN, such as " + ("7" if "SPAN" in tokens else "2026-11-28"),
            received="none",
            action="name the newest span that is to be read; all before it are read, too",
        )
    try:
        if "SPAN" in tokens:
            return Span(int(text), str(int(text)))
        day = datetime.date.fromisoformat(text)
        return Span(day.toordinal(), day.isoformat())
    except ValueError:
        raise InputError(
            f"the span {text} cannot be read",
            expected="a whole number" if "SPAN" in tokens else "a day such as 2026-11-28",
            received=text,
            action="correct --append",
        ) from None


def chosen(found: dict[Span, list[str]], wanted: Wanted, pattern: str) -> dict[Span, list[str]]:
    """The spans that are read, in their order.

    Raises:
      InputError: The newest one is not there.
    """
    newest = named(wanted.newest, pattern)
    if newest not in found:
        there = [span.name for span in sorted(found)]
        raise InputError(
            f"there is no span {newest.name}",
            expected=f"files of {pattern}",
            received=in_words(there, "the spans ") if there else "no span at all",
            action="wait for its files, or name another span",
        )
    first = newest.number - wanted.count if wanted.count else min(found).number - 1
    return {span: found[span] for span in sorted(found) if first < span.number <= newest.number}


def missing(spans: list[Span]) -> list[str]:
    """Names of the spans between the first and the last one that are not there."""
    there = {span.number for span in spans}
    if not there:
        return []
    are_days = "-" in spans[0].name
    gaps = (number for number in range(min(there), max(there)) if number not in there)
    return [datetime.date.fromordinal(number).isoformat() if are_days else str(number) for number in gaps]


def in_words(names: list[str], what: str = "") -> str:
    """Names in a sentence, the last of many."""
    if len(names) <= MOST_NAMED:
        return what + ", ".join(names)
    return f"{what}{', '.join(names[-MOST_NAMED:])} and {len(names) - MOST_NAMED:,} before them"


def _as_regex(text: str) -> str:
    parts = re.split(r"(\*\*/?|\*|\?|\[[^]]*\])", text)
    known = {"**/": ".*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)
