"""Hits: how often a list led to something, by version, and which of two versions is better.

A list is *hit* where an event names its request (`request_id`) and an item of it. Of a version with n lists, of which
h are hit, at first hit ranks r (1 = the top):

- hit rate: h / n;
- mean reciprocal rank: sum of 1 / r over the lists that are hit, divided by n.

95 % intervals are those of the percentile bootstrap over people (the lists of a person depend on each other; people
without an id are one a request). Versions are compared on the days on which both were asked, people drawn for both at
once: rates of other days would compare days.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from components.evaluation.metrics.bootstrap import Bootstrap, Interval
from components.evaluation.metrics.user_sums import Matrix
from pipelines.watching.answers import Answered
from serving.events.event import Event
from serving.request_log.record import hashed

DRAWS, SEED = 2_000, 1
DAY_SECONDS = 86_400


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionFigures:
    """What came of the lists of a version.

    Attributes:
      version: Its number.
      labels: By which it was asked.
      days: On which it was asked.
      lists: That were answered and not empty.
      people: Who got them.
      hits: Lists that were hit.
      hit_rate: Share of the lists that were hit.
      reciprocal_rank: Mean reciprocal rank of the first hit.
      mean_rank: Mean rank of all events, 1 = the top; NaN without one.
    """

    version: int
    labels: tuple[str, ...]
    days: int
    lists: int
    people: int
    hits: int
    hit_rate: Interval
    reciprocal_rank: Interval
    mean_rank: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionComparison:
    """Two versions on the days on which both were asked.

    Attributes:
      version: The newer one.
      baseline: The older one.
      days: On which both were asked.
      lists: Of the newer one and of the older one on these days.
      difference: Of their hit rates, newer less older.
    """

    version: int
    baseline: int
    days: int
    lists: tuple[int, int]
    difference: Interval

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or that no difference is shown."""
        if self.difference.lower > 0:
            return "better"
        return "worse" if self.difference.upper < 0 else "no difference is shown"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clicks:
    """What came of all lists.

    Attributes:
      versions: Oldest first.
      comparisons: Of each version with the one before it, where both were asked on a day.
      events: Events that were looked at.
      named: Of these, the ones that name a request.
      joined: Of these, the ones whose request is in the log and showed the item.
    """

    versions: tuple[VersionFigures, ...]
    comparisons: tuple[VersionComparison, ...]
    events: int
    named: int
    joined: int


class _Row:
    """A list and what came of it."""

    __slots__ = ("day", "items", "label", "person", "ranks", "user", "version")

    def __init__(self, answered: Answered) -> None:
        self.version, self.label, self.user, self.items = (
            answered.version,
            answered.label,
            answered.user,
            answered.items,
        )
        self.person = answered.user or f"\0{answered.request_id}"
        self.day = answered.time // DAY_SECONDS
        self.ranks: list[int] = []


def clicks_of(answers: Sequence[Answered], events: Iterable[Event], key: bytes | None = None) -> Clicks:
    """What came of lists.

    Args:
      answers: The lists.
      events: What people did, during the days of the lists and after them.
      key: Under which the log hashes people; None = it does not.
    """
    requests = collections.defaultdict(list)
    for answered in answers:
        if answered.items:
            requests[answered.request_id].append(_Row(answered))
    rows = [row for of_request in requests.values() for row in of_request]
    events_seen = named = joined = 0
    for event in events:
        events_seen += 1
        named += bool(event.request_id)
        shown = _row_of(requests.get(event.request_id, ()) if event.request_id else (), event, key)
        if shown is not None:
            joined += 1
            shown.ranks.append(shown.items.index(event.item) + 1)
    versions = sorted({row.version for row in rows})
    compared = [_compared(rows, newer, older) for older, newer in itertools.pairwise(versions)]
    return Clicks(
        versions=tuple(_figures(version, [row for row in rows if row.version == version]) for version in versions),
        comparisons=tuple(one for one in compared if one is not None),
        events=events_seen,
        named=named,
        joined=joined,
    )


def _row_of(rows: Sequence[_Row], event: Event, key: bytes | None) -> _Row | None:
    """The list that an event follows from: of several of one request that of the event's person."""
    rows = [row for row in rows if event.item in row.items]
    if len(rows) > 1:
        person = event.user if key is None else hashed(event.user.encode(), key).decode()
        rows = [row for row in rows if row.user == person]
    return rows[0] if rows else None


def _figures(version: int, rows: Sequence[_Row]) -> VersionFigures:
    bootstrap = Bootstrap(_sums(rows, lambda row: 0, 1), DRAWS, SEED)
    ranks = [rank for row in rows for rank in row.ranks]
    return VersionFigures(
        version=version,
        labels=tuple(sorted({row.label for row in rows if row.label})),
        days=len({row.day for row in rows}),
        lists=len(rows),
        people=len({row.person for row in rows}),
        hits=sum(bool(row.ranks) for row in rows),
        hit_rate=bootstrap.interval(lambda sums: sums[:, 1] / sums[:, 0]),
        reciprocal_rank=bootstrap.interval(lambda sums: sums[:, 2] / sums[:, 0]),
        mean_rank=float(np.mean(ranks)) if ranks else float("nan"),
    )


def _compared(rows: Sequence[_Row], newer: int, older: int) -> VersionComparison | None:
    days = {row.day for row in rows if row.version == newer} & {row.day for row in rows if row.version == older}
    if not days:
        return None
    both = [row for row in rows if row.day in days and row.version in (newer, older)]
    bootstrap = Bootstrap(_sums(both, lambda row: int(row.version == older), 2), DRAWS, SEED)
    counts = collections.Counter(row.version for row in both)
    return VersionComparison(
        version=newer,
        baseline=older,
        days=len(days),
        lists=(counts[newer], counts[older]),
        difference=bootstrap.interval(lambda sums: sums[:, 1] / sums[:, 0] - sums[:, 4] / sums[:, 3]),
    )


def _sums(rows: Sequence[_Row], place: Callable[[_Row], int], places: int) -> Matrix:
    """Lists, hits and the sum of reciprocal ranks of first hits of each person in each place, `[people, 3 places]`."""
    people = {person: number for number, person in enumerate(sorted({row.person for row in rows}))}
    sums = np.zeros((len(people), 3 * places))
    for row in rows:
        hit = (1.0, 1.0 / min(row.ranks)) if row.ranks else (0.0, 0.0)
        start = 3 * place(row)
        sums[people[row.person], start : start + 3] += (1.0, *hit)
    return sums
