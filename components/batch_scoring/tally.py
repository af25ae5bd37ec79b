"""What went in and what came out, as one value that every stage of the job adds to.

It travels through the job as data, and not as Beam's counters, which may count a retried bundle twice.
"""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A file that a bundle has written.

    Attributes:
      name: Its name in the attempt's folder.
      shard: The output file that it belongs to; -1: rejected records.
      rows: Its rows.
      size: Its bytes.
    """

    name: str
    shard: int
    rows: int
    size: int


REJECTED_SHARD = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts that add up.

    Attributes:
      read: Records of the input.
      rejected: Records that cannot be scored.
      duplicates: Records left out because the user came before.
      users: Users that were answered.
      without_items: Of these, users for whom no item is left.
      rows: Rows that were written.
      sources: Users by where the answer comes from.
      parts: Files that were written.
    """

    read: int = 0
    rejected: int = 0
    duplicates: int = 0
    users: int = 0
    without_items: int = 0
    rows: int = 0
    sources: Mapping[str, int] = dataclasses.field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def to_json(self) -> str:
        """The tally as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Tally:
        """What `to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "parts": tuple(Part(**part) for part in values["parts"])})


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum."""
    counts: collections.Counter[str] = collections.Counter()
    sources: collections.Counter[str] = collections.Counter()
    parts: list[Part] = []
    for tally in tallies:
        counts.update({name: getattr(tally, name) for name in _COUNTS})
        sources.update(tally.sources)
        parts += tally.parts
    return Tally(**{name: counts[name] for name in _COUNTS}, sources=dict(sources), parts=tuple(parts))


_COUNTS = ("read", "rejected", "duplicates", "users", "without_items", "rows")


class Total(beam.CombineFn):
    """Sums tallies in a Beam job."""

    def create_accumulator(self) -> Tally:
        return Tally()

    def add_input(self, mutable_accumulator: Tally, element: Tally, *args: Any, **kwargs: Any) -> Tally:
        return total([mutable_accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[Tally], *args: Any, **kwargs: Any) -> Tally:
        return total(accumulators)

    def extract_output(self, accumulator: Tally, *args: Any, **kwargs: Any) -> Tally:
        return accumulator
