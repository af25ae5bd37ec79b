"""What one interaction must look like: the rules, row by row, in words.

The readers check whole blocks at once; only when a block breaks a rule do they come here to say
which row it was and what is wrong with it.
"""

from __future__ import annotations

import dataclasses
import re

from components.errors import InputError
from components.ingestion.columns import ITEM, RATING, TIMESTAMP, USER

NUMBER = r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *"
WHOLE_NUMBER = r" *[+-]?\d{1,18} *"

_ORDINARY_DIGITS = "a number in plain digits, such as 3.5"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowRules:
    """Which roles are read and which ratings are possible.

    Attributes:
      has_ratings: Whether the rating is read.
      has_timestamps: Whether the timestamp is read.
      rating_min: Smallest rating, in stars.
      rating_max: Largest rating, in stars.
    """

    has_ratings: bool
    has_timestamps: bool
    rating_min: float
    rating_max: float

    def check(self, place: str, row: dict[str, str]) -> None:
        """Raises an InputError about the first rule that `row` (role to text) breaks."""
        for role in (USER, ITEM):
            _check_id(place, role, row[role])
        if self.has_ratings:
            self._check_rating(place, row[RATING])
        if self.has_timestamps:
            _check_timestamp(place, row[TIMESTAMP])

    def _check_rating(self, place: str, text: str) -> None:
        if not re.fullmatch(NUMBER, text, re.ASCII):
            raise InputError(
                f"{place}: the rating is not a number",
                expected=_ORDINARY_DIGITS,
                received=repr(text),
                action="correct the row, or read the data without ratings: --set data.has_ratings=false",
            )
        if not self.rating_min <= float(text) <= self.rating_max:
            raise self.out_of_range(place, text.strip())

    def out_of_range(self, place: str, received: str) -> InputError:
        """The error about a rating outside the configured range."""
        return InputError(
            f"{place}: the rating is outside the range of ratings",
            expected=f"from {self.rating_min:g} to {self.rating_max:g}",
            received=received,
            action="correct the row, or widen the range: --set data.rating_min=… --set data.rating_max=…",
        )


def is_usable_id(value: bytes) -> bool:
    """Whether an id is text on one line; `RowRules.check` says what is wrong with one that is not."""
    if not value or b"\n" in value or b"\r" in value:
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_id(place: str, role: str, text: str) -> None:
    if not text:
        raise InputError(
            f"{place}: empty {role} id", expected=f"a {role} id", action="fill in the id or delete the row"
        )
    if "\n" in text or "\r" in text:
        raise InputError(
            f"{place}: line break in the {role} id",
            expected="an id on one line",
            received=repr(text),
            action="take the line break out of the id",
        )
    _check_utf8(place, f"{role} id", text.encode(errors="surrogateescape"))


def _check_utf8(place: str, what: str, value: bytes) -> None:
    try:
        value.decode()
    except UnicodeDecodeError:
        raise InputError(
            f"{place}: the {what} is not UTF-8 text", expected="UTF-8", received=repr(value), action="convert the file"
        ) from None


def _check_timestamp(place: str, text: str) -> None:
    if not re.fullmatch(WHOLE_NUMBER, text, re.ASCII):
        raise InputError(
            f"{place}: the timestamp is not a whole number",
            expected="Unix seconds in plain digits, such as 964982703",
            received=repr(text),
            action="convert times to Unix seconds, or rename the column so that the data is read as undated",
        )


def check_movie(place: str, movie_id: bytes | None, title: bytes | None, first_rows: dict[bytes, int]) -> None:
    """Raises an InputError about a catalogue row that cannot be used.

    Args:
      place: File and row.
      movie_id: The id; None where the file has none.
      title: The title; None or empty where the file has none.
      first_rows: Row of each id of the rows before.
    """
    _check_id(place, ITEM, (movie_id or b"").decode(errors="surrogateescape"))
    _check_utf8(place, "title", title or b"")
    if movie_id is not None and movie_id in first_rows:
        raise InputError(
            f"{place}: the movie id {movie_id.decode()!r} occurs twice",
            expected="each movie once",
            received=f"the same id in row {first_rows[movie_id]}",
            action="keep one of the two rows",
        )
