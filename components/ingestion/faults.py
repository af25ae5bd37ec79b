"""Rows that cannot be used: what may be wrong with one, and how a person hears of all of them at once."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

from components.errors import InputError
from components.progress import warn

EXAMPLES = 5  # rows that a message shows
REFUSE, SKIP = POLICIES = ("refuse", "skip")


class Fault(enum.IntEnum):
    """What is wrong with a row, in the order in which it is looked for."""

    NONE = 0
    HEADER_AGAIN = 1
    EXTRA_FIELDS = 2
    EMPTY_USER = 3
    EMPTY_ITEM = 4
    LINE_BREAK_IN_USER = 5
    LINE_BREAK_IN_ITEM = 6
    FRACTIONAL_USER = 7
    FRACTIONAL_ITEM = 8
    EVENT_NOT_NAMED = 9
    BAD_WEIGHT = 10
    NO_WEIGHT = 11
    EMPTY_RATING = 12
    BAD_RATING = 13
    RATING_OUT_OF_RANGE = 14
    EMPTY_TIME = 15
    BAD_TIME = 16
    TIME_OUT_OF_RANGE = 17
    UNREADABLE = 18


LEFT_OUT = (Fault.HEADER_AGAIN, Fault.EVENT_NOT_NAMED, Fault.NO_WEIGHT)
"""Rows that are no mistake: they are left out and counted."""

WORDS = {
    Fault.HEADER_AGAIN: "the header again",
    Fault.EXTRA_FIELDS: "more fields than the header has names",
    Fault.EMPTY_USER: "empty user id",
    Fault.EMPTY_ITEM: "empty item id",
    Fault.LINE_BREAK_IN_USER: "line break or NUL byte in the user id",
    Fault.LINE_BREAK_IN_ITEM: "line break or NUL byte in the item id",
    Fault.FRACTIONAL_USER: "the user id is a number with a fraction, or bytes that are not UTF-8 text",
    Fault.FRACTIONAL_ITEM: "the item id is a number with a fraction, or bytes that are not UTF-8 text",
    Fault.EVENT_NOT_NAMED: "an event that [data.events] does not name",
    Fault.BAD_WEIGHT: "the weight is not a number",
    Fault.NO_WEIGHT: "a weight of 0 or less (a return?)",
    Fault.EMPTY_RATING: "the rating is missing",
    Fault.BAD_RATING: "the rating is not a number",
    Fault.RATING_OUT_OF_RANGE: "the rating is outside the range of ratings",
    Fault.EMPTY_TIME: "the timestamp is missing",
    Fault.BAD_TIME: "the timestamp cannot be read",
    Fault.TIME_OUT_OF_RANGE: "the timestamp is outside of 1752 to 2100 (another unit?)",
    Fault.UNREADABLE: "not readable as text of this encoding, or a line that is too long",
}

_BYTES = "write ids as text on one line or as whole numbers (the bytes of a UUID: str(uuid.UUID(bytes=…)))"

_CURES = {
    Fault.EMPTY_USER: "guests cannot be told apart: skip their rows",
    Fault.LINE_BREAK_IN_USER: _BYTES,
    Fault.LINE_BREAK_IN_ITEM: _BYTES,
    Fault.FRACTIONAL_USER: _BYTES,
    Fault.FRACTIONAL_ITEM: _BYTES,
    Fault.EMPTY_RATING: "read every row as an interaction without a rating: --set data.has_ratings=false",
    Fault.BAD_RATING: "read the data without ratings (--set data.has_ratings=false), or words as events "
    "(--columns event=COLUMN and a table [data.events] of weights in a preset)",
    Fault.RATING_OUT_OF_RANGE: "widen the range: --set data.rating_min=… --set data.rating_max=…",
    Fault.BAD_TIME: "give the format (--set data.time_format=%d.%m.%Y, as strptime has it)",
    Fault.TIME_OUT_OF_RANGE: "give the unit: --set data.time_unit=milliseconds, microseconds, nanoseconds or seconds",
    Fault.UNREADABLE: "save the file as UTF-8 (iconv -f ISO-8859-1 -t UTF-8 OLD > NEW), or --set data.encoding=latin-1",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BadRow:
    """An example of a fault.

    Attributes:
      path: The file.
      line: Row of the file, from 1; of a Parquet file the position of the row, from 1.
      fault: What is wrong.
      value: What was found there.
    """

    path: str
    line: int
    fault: Fault
    value: str

    def __str__(self) -> str:
        return f"{self.path}, row {self.line}: {WORDS[self.fault]}: {self.value}"


def settle(counts: dict[Fault, int], rows: int, examples: Sequence[BadRow], policy: str, max_share: float) -> None:
    """Refuses bad rows, or says how many are skipped.

    Args:
      counts: Rows with each fault, Fault.NONE left out.
      rows: All rows.
      examples: Some of the bad rows.
      policy: REFUSE or SKIP.
      max_share: Share of bad rows above which SKIP refuses, too; rows without a user id do not count.

    Raises:
      InputError: There are bad rows, and they are not to be skipped or are too many.
    """
    for fault in LEFT_OUT:
        if counts.get(fault):
            warn("%s rows were left out: %s", f"{counts[fault]:,}", WORDS[fault])
    bad = {fault: count for fault, count in counts.items() if fault not in LEFT_OUT and count}
    total = sum(bad.values())
    if not total:
        return
    mistakes = total - bad.get(Fault.EMPTY_USER, 0)  # guests are no mistake of the file
    if policy == SKIP and mistakes <= max_share * rows:
        for fault, count in bad.items():
            warn("%s bad rows were skipped: %s", f"{count:,}", WORDS[fault])
        return
    raise _refusal(bad, rows, examples, policy, max_share)


def _refusal(bad: dict[Fault, int], rows: int, examples: Sequence[BadRow], policy: str, max_share: float) -> InputError:
    total = sum(bad.values())
    shown = [str(one) for one in examples[:EXAMPLES]]
    more = f"; {total - len(shown):,} more" if total > len(shown) else ""
    kinds = "; ".join(f"{count:,} × {WORDS[fault]}" for fault, count in bad.items())
    cures = [f"{WORDS[fault]}: {_CURES[fault]}" for fault in bad if fault in _CURES]
    if policy == SKIP:
        skipping = f"more than data.max_bad_share = {max_share:g} of the rows: correct the file, or raise the share"
    else:
        skipping = "correct the rows, or leave them out: --set data.bad_rows=skip"
    return InputError(
        shown[0] + (f" (and {total - 1:,} more bad rows)" if total > 1 else "") if shown else kinds,
        expected="rows with a user, an item and, where there are such columns, a rating and a time",
        received=f"{total:,} of {rows:,} rows cannot be used: {kinds}"
        + "".join(f"\n    {one}" for one in shown)
        + more,
        action="\n    ".join([skipping, *cures]),
    )
