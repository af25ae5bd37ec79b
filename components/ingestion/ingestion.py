"""One source, read once, sorted on the disk, split, and written user by user."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components import artifacts, features
from components.errors import InputError
from components.feature_specs import (
    CONTEXT,
    GENRES,
    HOUR,
    ITEM,
    TITLE,
    USER,
    VECTOR,
    WEEKDAY,
    FeatureSpec,
    of,
    specs_to_json,
)
from components.features import EVAL_PART, TEST_PART, TRAIN_PART
from components.ingestion import contexts, interactions, ties
from components.ingestion.arrow_rows import BlockBatches, Texts, item_batches, user_batches
from components.ingestion.config import DataConfig, SplitConfig
from components.ingestion.faults import BadRow
from components.ingestion.interactions import Rows
from components.ingestion.items import complete
from components.ingestion.new_users import NewUsers, set_aside
from components.ingestion.opening import open_source
from components.ingestion.profile import Profile, Range
from components.ingestion.source import SourceFacts, Understood
from components.ingestion.splits import Splitter, id_hashes, require_all_parts, resolve_kind, time_cuts
from components.ingestion.users import UserRecords
from components.ingestion.workspace import Workspace
from components.ingestion.writer import LARGE_ROWS_PER_SHARD, ExamplesFolder
from components.progress import report, warn
from components.rates import RateReporter
from components.seen_rule import SeenRule

HEAVY_SHARE = 0.05
"""Share of all rows from which on one user is named: a guest account, or a robot."""


class Ingestion:
    """One source, read, understood and split; `write` then writes it.

    Args:
      data: The source.
      split: How rows are parted.
      workspace: Where rows are sorted.
      refit: Whether the judged models learn from train and eval.
      leave_out_seen: What lists leave out.
      specs: Features of items and users.

    Attributes:
      items: The catalogue.
      users: Ids of all users with rows, sorted.
      specs: The features that the data have.
    """

    def __init__(
        self,
        data: DataConfig,
        split: SplitConfig,
        workspace: Workspace,
        *,
        refit: bool,
        leave_out_seen: SeenRule,
        specs: Sequence[FeatureSpec] = (),
    ) -> None:
        self._data = data
        self._split = split
        self._workspace = workspace
        self._last_fitted = EVAL_PART if refit else TRAIN_PART
        source = open_source(data)
        self._facts: SourceFacts = source.facts()
        self._kind = resolve_kind(split, self._facts)
        self._understood: Understood = source.load(workspace, specs)
        self._range = Range.of(workspace.connection)
        self.items, self._added = complete(source.items(workspace, of(specs, ITEM)), _ids(workspace, "item"))
        self.users = _ids(workspace, "user")
        told = source.users(workspace, of(specs, USER))
        self._told = (told or UserRecords()).of(self.users)
        self._strangers = _without_rows(told, self.users)
        self._contexts, self.specs = contexts.understand(workspace.connection, tuple(self._found(specs)))
        _require_times(self.specs, self._facts)
        self.liked_from = _liked_from(data, self._facts, self._range)
        self._ties = ties.resolve(workspace.connection, data.ties) if self._facts.has_timestamps else ties.HASH
        self._counts = Profile(
            len(self.items),
            self._range,
            has_ratings=self._facts.has_ratings,
            has_timestamps=self._facts.has_timestamps,
        )
        self._by_item = np.zeros((4, len(self.items)), np.int64)
        self._by_user = np.zeros(len(self.users), np.int64)
        self._new_users = 0
        self._splitter = Splitter(
            self._kind,
            split,
            time_cuts(workspace.connection, self._kind, split),
            id_hashes(self.users, split.seed, b"user"),
            id_hashes(self.items.ids, split.seed, b"movie"),
        )
        self.blocks = [self._kept(number, block) for number, block in enumerate(self._sorted())]
        require_all_parts(self._counts.sizes(), self._kind)
        self.leave_out_seen = leave_out_seen.resolve(
            self._counts.repeats / max(1, self._counts.rows), has_ratings=self._facts.has_ratings
        )
        self._tell()

    def write(self, entities_uri: str, examples_uri: str, sequences_uri: str) -> None:
        """Writes the three artifacts; after an error nothing is left of any."""
        fitted = self._by_item[: self._last_fitted + 1].sum(axis=0)
        texts = Texts.of(self.users, self.items, fitted, self._told, self.specs, self._contexts)
        sizes = dict(zip(features.SPLITS, self._counts.sizes(), strict=True))
        progress = RateReporter("writing interactions", self._counts.rows)
        with (
            ExamplesFolder(entities_uri) as entities,
            ExamplesFolder(examples_uri) as examples,
            ExamplesFolder(sequences_uri) as sequences,
        ):
            items = entities.split(features.ITEMS_SPLIT, len(self.items), rows_per_shard=len(self.items))
            for batch in item_batches(self.items, self._by_item.sum(axis=0), of(self.specs, ITEM)):
                items.write(batch)
            users = entities.split(features.USERS_SPLIT, len(self.users) + len(self._strangers))
            nothing = np.zeros(len(self._strangers), np.int64)
            for some, counts in ((self._told, self._by_user), (self._strangers, nothing)):
                for batch in user_batches(some, counts, of(self.specs, USER)):
                    users.write(batch)
            written = sequences.split(features.SEQUENCES_SPLIT, len(self.users), LARGE_ROWS_PER_SHARD)
            held_out = {
                part: examples.split(name, sizes[name], LARGE_ROWS_PER_SHARD)
                for part, name in ((EVAL_PART, features.EVAL), (TEST_PART, features.TEST))
            }
            for path in self.blocks:
                rows, requests = restored(path)
                batches = BlockBatches(
                    rows,
                    texts,
                    self._last_fitted,
                    requests,
                    self.leave_out_seen,
                    liked_from=self.liked_from,
                    weighted=self._range.weighted,
                )
                for batch in batches.sequences():
                    written.write(batch)
                for part, writer in held_out.items():
                    for batch in batches.held_out(part, self._split.history_length):
                        writer.write(batch)
                progress.add(len(rows))
        progress.finish()

    def counts(self) -> dict[str, int]:
        """What the artifacts say of themselves (components/artifacts.py)."""
        sizes = dict(zip(features.SPLITS, self._counts.sizes(), strict=True))
        return {
            **{artifacts.ROWS[name]: size for name, size in sizes.items()},
            artifacts.USERS: len(self.users),
            artifacts.ITEMS: len(self.items),
            artifacts.ADDED_TO_CATALOGUE: self._added,
            artifacts.DUPLICATES_DROPPED: self._dropped,
            artifacts.HAS_RATINGS: int(self._facts.has_ratings),
            artifacts.HAS_TIMESTAMPS: int(self._facts.has_timestamps),
            artifacts.REFIT: int(self._last_fitted == EVAL_PART),
        }

    def rules(self) -> dict[str, str]:
        """What later stages must know of how the data were understood."""
        return {
            artifacts.LEAVE_OUT_SEEN: str(self.leave_out_seen),
            artifacts.FEATURES: specs_to_json(self.specs),
            artifacts.LIKED_FROM: "" if self.liked_from is None else repr(self.liked_from),
        }

    @property
    def skipped(self) -> tuple[BadRow, ...]:
        """The first of the bad rows that were skipped."""
        return self._understood.skipped

    def profile(self) -> dict[str, Any]:
        """The content of `profile.json`."""
        understood = self._understood
        return {
            "source": self._facts.name,
            "columns": understood.columns,
            "times": understood.times,
            "unused_columns": list(understood.unused),
            "left_out": {fault.name.lower(): count for fault, count in understood.left_out.items()},
            "events": understood.events,
            "features": [f"{spec.entity}.{spec.name}: {spec.kind}" for spec in self.specs],
            "split": self._kind,
            "ties": self._ties,
            "has_ratings": self._facts.has_ratings,
            "has_timestamps": self._facts.has_timestamps,
            "rating_scale": list(self._range.ratings) if self._facts.has_ratings else None,
            "liked_from": self.liked_from,
            "leave_out_seen": str(self.leave_out_seen),
            "refit": self._last_fitted == EVAL_PART,
            "new_users": self._new_users,
            "users": len(self.users),
            "items": len(self.items),
            "untouched_items": int(np.count_nonzero(self._by_item.sum(axis=0) == 0)),
            "added_items": self._added,
            "duplicates_dropped": self._dropped,
            **self._counts.as_dict(),
        }

    def _found(self, specs: Sequence[FeatureSpec]) -> Iterator[FeatureSpec]:
        """The features that the data have: of the standard ones those whose column there is."""
        standard = {TITLE: self._facts_of_titles(), GENRES: any(self.items.genres)}
        for spec in specs:
            if spec.entity == CONTEXT:
                yield spec
                continue
            if spec.is_standard_column:
                if standard[spec.column]:
                    yield spec
                continue
            values = self.items.features if spec.entity == ITEM else self._told.features
            yield (
                dataclasses.replace(spec, dimensions=max((len(one) for one in values[spec.name]), default=0))
                if (spec.kind == VECTOR)
                else spec
            )

    def _facts_of_titles(self) -> bool:
        """Whether items have titles of their own: an id that stands for one has no words."""
        return any(title != item for title, item in zip(self.items.titles, self.items.ids, strict=True))

    @property
    def _dropped(self) -> int:
        return self._range.rows - self._counts.rows

    def _sorted(self) -> Iterator[Rows]:
        connection = self._workspace.connection
        for name, ids in (("user_codes", self.users), ("item_codes", self.items.ids)):
            codes = pd.DataFrame({"id": [one.decode() for one in ids], "code": np.arange(len(ids), dtype=np.int32)})
            connection.register("codes", codes)
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT id::VARCHAR AS id, code FROM codes")
        yield from interactions.sorted_blocks(connection)

    def _kept(self, number: int, rows: Rows) -> str:
        """Splits a block, counts it and keeps it on the disk."""
        splitter = self._splitter
        if self._ties == ties.HASH:
            rows = interactions.by_hash_within_ties(rows, splitter.hashes(rows))
        joined = interactions.one_row_a_pair if self._facts.has_ratings else interactions.one_row_a_moment
        rows = joined(rows)
        whole = self._range.rows <= interactions.BLOCK_ROWS
        rows = rows.with_parts(splitter.parts(rows, whole))
        ids = self.users[rows.first_user : rows.first_user + rows.user_count]
        if self._split.new_users > 0:
            new = set_aside(rows, ids, rows.parts, self._split.new_users, self._split.seed)
        else:
            new = NewUsers(parts=rows.parts, requests=np.zeros(len(ids), np.int32))
        rows = rows.with_parts(new.parts)
        self._count(rows, new)
        path = str(Path(self._workspace.folder) / f"block-{number:05d}.npz")
        arrays = {name: getattr(rows, name) for name in interactions.ARRAYS}
        np.savez(path, first_user=rows.first_user, requests=new.requests, **arrays)
        return path

    def _count(self, rows: Rows, new: NewUsers) -> None:
        self._counts.add(rows)
        self._new_users += int(np.count_nonzero(new.requests))
        for part in range(len(self._by_item)):
            self._by_item[part] += np.bincount(rows.items[rows.parts == part], minlength=len(self.items))
        self._by_user[rows.first_user : rows.first_user + rows.user_count] += np.bincount(rows.users)

    def _tell(self) -> None:
        """Says what a person should know of the data."""
        if self._dropped:
            what = (
                "repeat a pair of user and item: the latest row of each pair was kept"
                if self._facts.has_ratings
                else "are the same in user, item and time as another: they were joined, and their weights added"
            )
            warn("%d rows %s", self._dropped, what)
        counts = self._counts.as_dict()
        if not self._facts.has_ratings and self._counts.repeats:
            report(
                "%.1f %% of the rows repeat an item that the user had before: lists leave out what was seen: %s",
                100 * counts["repeat_share"],
                self.leave_out_seen,
            )
        if self._facts.has_timestamps and self._counts.tied:
            how = "the place in the source" if self._ties == ties.PLACE else "a hash, since their order means nothing"
            report("%.1f %% of the rows share their user's time: ordered by %s", 100 * counts["tie_share"], how)
        if self.liked_from is not None:
            report("ratings below %g are dislikes", self.liked_from)
        heavy = int(self._by_user.argmax())
        if len(self.users) > 20 and self._by_user[heavy] > HEAVY_SHARE * self._counts.rows:
            warn(
                "user %s has %s of all rows (%.0f %%): a guest account or a robot? Its rows teach what nobody likes",
                self.users[heavy].decode(),
                f"{self._by_user[heavy]:,}",
                100 * self._by_user[heavy] / self._counts.rows,
            )


def _require_times(specs: Sequence[FeatureSpec], facts: SourceFacts) -> None:
    """Raises an InputError where a feature is made of times that the rows do not have."""
    for spec in of(specs, CONTEXT):
        if spec.kind in (HOUR, WEEKDAY) and not facts.has_timestamps:
            raise InputError(
                f"features.context.{spec.name} is made of times, and the rows have none",
                expected="a column such as timestamp",
                action="name it with --columns timestamp=COLUMN, or take the feature out",
            )


def _without_rows(told: UserRecords | None, users: Sequence[bytes]) -> UserRecords:
    """Users of whom features are known and no rows, by id: answered by their features alone."""
    if told is None:
        return UserRecords()
    return told.of(sorted(set(told.ids) - set(users)))


def _ids(workspace: Workspace, column: str) -> list[bytes]:
    """The distinct ids of a column of `rows`, sorted bytewise."""
    found = workspace.connection.execute(f"SELECT {column} FROM rows GROUP BY {column} ORDER BY {column}").fetchall()
    return [value.encode() for (value,) in found]


def _liked_from(data: DataConfig, facts: SourceFacts, seen: Range) -> float | None:
    """The least rating that is no dislike: of thumbs the higher of the two, else what the settings say.

    Raises:
      InputError: By the settings every rating is a dislike.
    """
    if not facts.has_ratings:
        return None
    if data.liked_from is not None:
        if data.liked_from > seen.ratings[-1]:
            raise InputError(
                "every rating is a dislike, so there is nothing to recommend",
                expected=f"data.liked_from of at most {seen.ratings[-1]:g}, the largest rating",
                received=f"{data.liked_from:g}",
                action="lower data.liked_from, or leave it out",
            )
        return data.liked_from
    return seen.ratings[-1] if len(seen.ratings) == 2 and not seen.continuous else None


def restored(path: str) -> tuple[Rows, Any]:
    """A block as `Ingestion` has kept it: its rows, and how many interactions each user's question carries."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in interactions.ARRAYS}
        return Rows(first_user=int(stored["first_user"]), **arrays), stored["requests"]
