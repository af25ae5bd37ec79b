"""What every source tells and hands over."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from components.feature_specs import FeatureSpec
from components.ingestion.faults import BadRow, Fault
from components.ingestion.items import ItemRecords
from components.ingestion.users import UserRecords
from components.ingestion.workspace import Workspace


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What is known of a source from its columns and first rows, before it is read.

    Attributes:
      name: The source in words.
      has_ratings: Whether rows carry ratings; where not, every rating is 1.0.
      has_timestamps: Whether rows carry a time; where not, every timestamp is 0.
      presplit: Whether the source is three files already.
    """

    name: str
    has_ratings: bool
    has_timestamps: bool
    presplit: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Understood:
    """What a source was understood to be, for people.

    Attributes:
      columns: Which columns were taken for what.
      times: How times are written.
      unused: Columns that play no role.
      left_out: Rows that were left out, by fault.
      skipped: The first of the bad rows that were.
      events: Rows of each kind of interaction; empty where there is no such column.
    """

    columns: str = ""
    times: str = ""
    unused: tuple[str, ...] = ()
    left_out: dict[Fault, int] = dataclasses.field(default_factory=dict)
    skipped: tuple[BadRow, ...] = ()
    events: dict[str, int] = dataclasses.field(default_factory=dict)


class Source(Protocol):
    """Where interactions and the catalogue come from."""

    def facts(self) -> SourceFacts:
        """What the columns tell; reads no more than the head of each file."""

    def fingerprint(self) -> str:
        """sha256 that changes whenever the data changes."""

    def load(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> Understood:
        """Reads every interaction, once, into the table `rows` (loading.py), with the columns of the context.

        Raises:
          InputError: Rows that cannot be used, with their files and row numbers.
        """

    def items(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> ItemRecords | None:
        """The catalogue with the features that are asked for, or None where the source has none."""

    def users(self, workspace: Workspace, specs: Sequence[FeatureSpec]) -> UserRecords | None:
        """The users with the features that are asked for, or None where the source has no table of them."""
