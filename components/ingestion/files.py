"""The source `files`: tables of one's own, of any common kind, or a folder in GroupLens layout."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components import features
from components.errors import InputError
from components.feature_specs import FeatureSpec, columns_of_context
from components.ingestion import fingerprint, loading, span_drift
from components.ingestion.columns import (
    ITEM_ROLES,
    RATING,
    TIMESTAMP,
    Columns,
    items_columns,
    known_layout,
    parse_mapping,
    ratings_columns,
    users_columns,
)
from components.ingestion.config import DataConfig
from components.ingestion.items import ItemRecords, read_items
from components.ingestion.kept_rows import KeptRows
from components.ingestion.loading import Layout
from components.ingestion.own_columns import columns_of
from components.ingestion.reading.dialect import AUTO, LATIN_1
from components.ingestion.reading.paths import Files, find_files, is_folder
from components.ingestion.reading.spans import Wanted
from components.ingestion.reading.tables import Reader, SourceTable
from components.ingestion.source import SourceFacts, Understood
from components.ingestion.users import UserRecords, read_users
from components.ingestion.workspace import Workspace
from components.progress import report, warn

_USERS = ("users",)
_RATINGS, _ITEMS = ("ratings", "u.data"), ("items", "movies", "u.item")


class FilesSource:
    """Interactions in one table (or three: train, eval, test) and at most one catalogue.

    Attributes:
      files: The files of each part; `train` alone where the source is not presplit.
      item_files: Those of the catalogue; None where there is none.
      user_files: Those of the users' own table; None where there is none.
    """

    def __init__(self, config: DataConfig) -> None:
        """Finds the files and looks at their first rows.

        Raises:
          InputError: A file is missing, empty or damaged, lacks a column, or is of an unknown kind.
        """
        self._config = config
        self._mapping = parse_mapping(config.columns)
        self._item_mapping = {**self._mapping, **parse_mapping(config.item_columns, ITEM_ROLES, "--item-columns")}
        self.files = _interaction_files(config)
        self.item_files = _item_files(config)
        self.user_files = find_files(config.users, "data.users", _USERS) if config.users else None
        self._layouts = self._understand()
        rated, dated = (
            all(getattr(layout, name) for layout in self._layouts.values())
            for name in ("has_ratings", "has_timestamps")
        )
        self._facts = SourceFacts(
            name=", ".join(files.name for files in self.files.values()),
            has_ratings=rated,
            has_timestamps=dated,
            presplit=len(self.files) > 1,
        )

    def facts(self) -> SourceFacts:
        """What the headers and the first rows tell."""
        return self._facts

    def fingerprint(self) -> str:
        """sha256 over the contents of all files."""
        groups = [*self.files.values(), *(files for files in (self.item_files, self.user_files) if files)]
        return fingerprint.of_files([path for files in groups for path in files.paths])

    def load(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> Understood:
        """Reads every file once, in the order of the parts and of the names."""
        context = columns_of_context(specs)
        workspace.connection.execute(loading.CREATE)
        loaded: list[tuple[SourceTable, Layout, int]] = []
        kept = KeptRows(self._config.kept_rows, workspace)
        spans = {span: paths for files in self.files.values() for span, paths in files.spans.items()}
        newest = max(spans, default=None)
        of_newest: list[tuple[int, int]] = []
        sizes = dict.fromkeys((span.name for span in sorted(spans)), 0)
        span_of = {path: span.name for span, paths in spans.items() for path in paths}
        rows = 0
        for part, name in enumerate(self.files):
            tables = zip(self.files[name].paths, workspace.reader.tables(self.files[name]), strict=True)
            for number, (path, table) in enumerate(tables):
                table, layout = self._understood(name, table, context, is_first=not number)
                kept.load(path, table, layout, self._config, part)
                before, rows = rows, _count(workspace)
                if path in span_of:
                    sizes[span_of[path]] += rows - before
                if newest is not None and path in spans[newest]:
                    of_newest.append((before, rows))
                loaded.append((table, layout, rows - before))
        events = loading.count_events(workspace.connection)
        if events:
            _report_events(events, self._config)
        drift = None if newest is None else span_drift.largest(workspace.connection, of_newest)
        left_out, skipped = loading.check(workspace.connection, loaded, self._config)
        if newest is not None:
            span_drift.require_size(sizes, self._config.max_span_growth)
        span_drift.require(drift, self._config.max_span_drift, newest.name if newest else "")
        kept.finish(spans)
        layout = loaded[0][1]
        return Understood(
            columns=layout.columns.described(),
            times=layout.times.name,
            unused=tuple(name for name in layout.columns.unused if name not in layout.context),
            left_out=left_out,
            skipped=tuple(skipped),
            events=events,
        )

    def _understood(
        self, name: str, table: SourceTable, context: Sequence[FeatureSpec], *, is_first: bool
    ) -> tuple[SourceTable, Layout]:
        """A file with one row an interaction, and what its columns mean; of the first of a part the run tells it."""
        layout = self._layout(name, table)
        layout = dataclasses.replace(layout, context=tuple(columns_of([table], context, "--ratings").values()))
        table = loading.spread(table, layout.columns, layout.context)
        if is_first:
            loading.describe(table, layout)
        return table, layout

    def items(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> ItemRecords | None:
        """The catalogue in file order, or None where no file was given."""
        if self.item_files is None:
            own = [spec for spec in specs if not spec.is_standard_column]
            if own:
                raise _no_table(own, "--items")
            return None
        return read_items(workspace.connection, self.item_tables(workspace), specs)

    def item_tables(self, workspace: Workspace) -> list[tuple[SourceTable, Columns]]:
        """The tables of the catalogue with what their columns were understood to be; none where there is none."""
        tables = []
        for path, partitions in self.item_files or ():
            assert self.item_files is not None
            table = _item_reader(workspace, path, self._config).table(path, self.item_files.kind, partitions)
            tables.append((table, items_columns(table, self._item_mapping)))
        return tables

    def user_tables(self, workspace: Workspace) -> list[tuple[SourceTable, Columns]]:
        """The users' own tables, likewise."""
        if self.user_files is None:
            return []
        return [(table, users_columns(table, self._mapping)) for table in workspace.reader.tables(self.user_files)]

    def users(self, workspace: Workspace, specs: Sequence[FeatureSpec]) -> UserRecords | None:
        """The users in file order, or None where no file was given."""
        if self.user_files is None:
            if specs:
                raise _no_table(specs, "--users")
            return None
        if not specs:
            warn(
                "no feature names a column of the users: --feature user.COLUMN=KIND does, and recommender features "
                "proposes some"
            )
            return None
        return read_users(workspace.connection, self.user_tables(workspace), specs)

    def _understand(self) -> dict[str, Layout]:
        with Workspace(self._config.memory_limit, self._config.encoding) as workspace:
            found = {}
            for name, files in self.files.items():
                table = next(workspace.reader.tables(files))
                columns = ratings_columns(table, self._mapping)
                table = loading.spread(table, columns)
                found[name] = loading.understand(workspace.connection, table, columns, self._config)
            if self.item_files is not None:
                path = self.item_files.paths[0]
                reader = _item_reader(workspace, path, self._config)
                items_columns(
                    reader.table(path, self.item_files.kind, self.item_files.partitions[0]), self._item_mapping
                )
        for role, which in ((RATING, "has_ratings"), (TIMESTAMP, "has_timestamps")):
            if len({getattr(layout, which) for layout in found.values()}) > 1:
                warn("only some of the files have a %s: it is not used", role)
        # What one part lacks, no part uses.
        rated = all(layout.has_ratings for layout in found.values()) and not self._alike(list(found.values()))
        return {name: dataclasses.replace(layout, has_ratings=rated) for name, layout in found.items()}

    def _alike(self, layouts: list[Layout]) -> bool:
        """Whether the ratings of all parts are one and the same, so that they say nothing; says so."""
        only = layouts[0].only_rating
        if self._config.has_ratings != "auto" or only is None or {layout.only_rating for layout in layouts} != {only}:
            return False
        warn("every rating is %s: read as interactions without ratings", only)
        return True

    def _layout(self, part: str, table: SourceTable) -> Layout:
        """The layout of one of several files: columns by its own header, all else as the first file has it."""
        first = self._layouts[part]
        columns = ratings_columns(table, self._mapping)
        clock = first.columns.clock
        if clock is not None and clock in table.header:
            columns = columns.with_clock(clock)
        for role in first.columns.names:
            if role not in columns:
                raise InputError(
                    f"{table.path} has no column for {role}, which {self.files[part].paths[0]} has",
                    expected=", ".join(first.columns.header),
                    received=", ".join(table.header),
                    action="give files of the same columns",
                )
        names = {role: columns.names[role] for role in first.columns.names}
        return dataclasses.replace(first, columns=dataclasses.replace(columns, names=names))


def _interaction_files(config: DataConfig) -> dict[str, Files]:
    if bool(config.eval_ratings) != bool(config.test_ratings):
        raise InputError(
            "only one of the two held-out files was given",
            expected="both data.eval_ratings and data.test_ratings, or neither",
            received=config.eval_ratings or config.test_ratings,
            action="give both files, or leave both out and let the rows be split",
        )
    settings = {features.TRAIN: (config.ratings, "data.ratings")}
    if config.eval_ratings:
        settings[features.EVAL] = (config.eval_ratings, "data.eval_ratings")
        settings[features.TEST] = (config.test_ratings, "data.test_ratings")
    wanted = Wanted(newest=config.span, count=config.spans)
    return {
        part: files
        for part, (text, key) in settings.items()
        if (files := find_files(text, key, _RATINGS, wanted=wanted))
    }


def _no_table(specs: Sequence[FeatureSpec], option: str) -> InputError:
    named = ", ".join(f"features.{spec.entity}.{spec.name}" for spec in specs)
    return InputError(
        f"{named} cannot be read: there is no table of {specs[0].entity}s",
        expected=f"a file with the column{'s' * (len(specs) > 1)} {', '.join(spec.column for spec in specs)}",
        received="none",
        action=f"name it with {option} FILE, or take the feature out",
    )


def _item_files(config: DataConfig) -> Files | None:
    if config.items:
        return find_files(config.items, "data.items", _ITEMS)
    if is_folder(config.ratings):
        return find_files(config.ratings, "data.ratings", _ITEMS, needed=False)
    return None


def _item_reader(workspace: Workspace, path: str, config: DataConfig) -> Reader:
    """The reader of a catalogue: GroupLens' old files are latin-1."""
    encoding = LATIN_1 if config.encoding == AUTO and known_layout(path) else config.encoding
    return Reader(workspace.connection, workspace.folder, encoding)


def _count(workspace: Workspace) -> int:
    row = workspace.connection.execute("SELECT count(*) FROM rows").fetchone()
    return int(row[0]) if row else 0


def _report_events(events: dict[str, int], config: DataConfig) -> None:
    listed = ", ".join(f"{name or '(empty)'} {count:,}" for name, count in list(events.items())[:12])
    if config.events:
        missing = [name for name in config.events if name not in events]
        if missing:
            raise InputError(
                "[data.events] names kinds of interaction that do not occur: " + ", ".join(missing),
                expected="kinds of the event column: " + listed,
                received=", ".join(config.events),
                action="correct [data.events]",
            )
        report("kinds of interaction: %s", listed)
    else:
        warn("kinds of interaction: %s; all count alike (weigh them in [data.events], such as purchase = 4.0)", listed)
