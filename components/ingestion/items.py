"""The catalogue: every item of the source's own table in its order, then the items that only interactions name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from components.errors import InputError
from components.feature_specs import FeatureSpec
from components.ingestion.categories import split_columns
from components.ingestion.columns import GENRES, ITEM, TITLE, Columns
from components.ingestion.own_columns import Values, columns_of, converted
from components.ingestion.reading.tables import (
    EXTRA,
    SourceTable,
    id_text,
    identifier,
    line_of,
    rejected_lines,
    unreadable,
)
from components.progress import report, warn


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemRecords:
    """Items; a position is a catalogue row.

    Attributes:
      ids: bytes, distinct.
      titles: UTF-8 bytes, one an item.
      genres: UTF-8 bytes, a list an item.
      features: Values of columns of one's own by the name of the feature, each a list of lists, one an item.
    """

    ids: list[bytes] = dataclasses.field(default_factory=list)
    titles: list[bytes] = dataclasses.field(default_factory=list)
    genres: list[list[bytes]] = dataclasses.field(default_factory=list)
    features: dict[str, Values] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def read_items(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[tuple[SourceTable, Columns]],
    specs: Sequence[FeatureSpec] = (),
) -> ItemRecords:
    """The items of a source's own tables, in their order. An item without a title has its id for one.

    Args:
      connection: To DuckDB.
      tables: The catalogue.
      specs: Features of items.

    Raises:
      InputError: A feature's column is missing or holds no value, a row without an id, an id that occurs twice, or no
        row at all.
    """
    ids: list[bytes] = []
    titles: list[bytes] = []
    genres: list[list[bytes]] = []
    first: dict[bytes, tuple[SourceTable, int]] = {}
    own = columns_of([table for table, _ in tables], specs, "--items")
    values: dict[str, list[Any]] = {name: [] for name in own}
    for table, columns in tables:
        rows = _fetch(connection, table, columns, list(own.values()))
        for place, (item, title, extra, *_) in enumerate(rows):
            _check(table, place, item, extra, first)
            item_id = (item or "").encode()
            first[item_id] = table, place
            ids.append(item_id)
            titles.append(title.encode() if title and title.strip() else item_id)
        genres += split_columns([row[3] for row in rows]) if GENRES in columns else [[] for _ in rows]
        for place, name in enumerate(own, start=4):
            values[name] += [row[place] for row in rows]
        unused = [name for name in columns.unused if name not in own.values()]
        if unused:
            warn("columns of the catalogue that no feature names: %s", ", ".join(unused))
    for path, line, reason in rejected_lines(connection):
        if any(path == table.path for table, _ in tables) or not ids:
            raise InputError(
                f"{path}, row {line}: not readable as text of this encoding, or a line that is too long",
                expected="UTF-8",
                received=reason.splitlines()[0][:200],
                action="save the file as UTF-8, for instance: iconv -f ISO-8859-1 -t UTF-8 OLD > NEW, "
                "or --set data.encoding=latin-1",
            )
    if not ids:
        raise InputError(
            f"{', '.join(table.path for table, _ in tables)} has a header and no rows",
            expected="at least one item",
            action="add rows",
        )
    features = {spec.name: converted(spec, values[spec.name], own[spec.name]) for spec in specs if spec.name in own}
    return ItemRecords(ids=ids, titles=titles, genres=genres, features=features)


def complete(items: ItemRecords | None, used: Sequence[bytes]) -> tuple[ItemRecords, int]:
    """The catalogue, completed by the items that only interactions name; these have their ids for titles.

    Args:
      items: The source's own catalogue; None where it has none.
      used: Every item id of the interactions, sorted.

    Returns:
      The items, and how many of them the source's own catalogue lacks (0 where it has none at all).

    Raises:
      InputError: A catalogue of other items altogether.
    """
    if items is None:
        report("no catalogue was given: the %d item ids of the interactions stand for their titles", len(used))
    known = set(items.ids) if items is not None else set()
    added = [item for item in used if item not in known]
    if items is not None and added and len(added) == len(used):
        raise _nothing_in_common(items, added)
    if items is not None and added:
        warn(
            "%d items of the interactions are not in the catalogue, for instance %s: they were added with their ids "
            "as titles",
            len(added),
            ", ".join(item.decode() for item in added[:3]),
        )
    own = items or ItemRecords()
    nothing: Values = [[] for _ in added]
    completed = ItemRecords(
        ids=own.ids + added,
        titles=own.titles + added,
        genres=own.genres + nothing,
        features={name: values + nothing for name, values in own.features.items()},
    )
    return completed, 0 if items is None else len(added)


def _fetch(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, columns: Columns, own: Sequence[str]
) -> list[tuple[Any, ...]]:
    name = identifier(columns.names[ITEM])
    item = id_text(name, table.columns[columns.names[ITEM]], fractional=f"{name}::VARCHAR")
    title = f"{identifier(columns.names[TITLE])}::VARCHAR" if TITLE in columns else "NULL"
    genres = identifier(columns.names[GENRES]) if GENRES in columns else "NULL"
    extra = f"nullif(trim({identifier(EXTRA)}), '')" if EXTRA in table.columns else "NULL"
    try:
        selected = ", ".join([item, title, extra, genres, *map(identifier, own)])
        return connection.execute(f"SELECT {selected} FROM {table.sql}").fetchall()
    except duckdb.Error as error:
        raise unreadable(table.path, error) from None


def _check(
    table: SourceTable, place: int, item: str | None, extra: str | None, first: dict[bytes, tuple[SourceTable, int]]
) -> None:
    """Raises an InputError about a row that cannot be used."""
    if item and not extra and not any(character in item for character in "\n\r\0") and item.encode() not in first:
        return
    row = f"{table.path}, row {line_of(table, place)}"
    if extra:
        raise InputError(
            f"{row}: wrong number of fields",
            expected=f"{len(table.header)} ({', '.join(table.header)})",
            received=f"one more: {extra!r}",
            action='correct the row; a field that holds the delimiter must stand in "quotation marks"',
        )
    if not item:
        raise InputError(f"{row}: empty item id", expected="an item id", action="fill in the id or delete the row")
    if any(character in item for character in "\n\r\0"):
        raise InputError(
            f"{row}: line break or NUL byte in the item id",
            expected="an id on one line",
            received=repr(item),
            action="take it out of the id",
        )
    other, where = first[item.encode()]
    raise InputError(
        f"{row}: the item id {item!r} occurs twice",
        expected="each item once",
        received=f"the same id in {other.path}, row {line_of(other, where)}",
        action="keep one of the two rows (one row per variant needs one id per variant, in the interactions too)",
    )


_SPELLINGS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("without `.0` at its end", lambda item: item.removesuffix(b".0")),
    ("without leading zeros", lambda item: item.lstrip(b"0")),
    ("without blanks around it", lambda item: item.strip()),
    ("in lower case", lambda item: item.lower()),
)
"""What ids may differ in though the same thing is meant."""


def _nothing_in_common(items: ItemRecords, added: Sequence[bytes]) -> InputError:
    why = ""
    for what, plain in _SPELLINGS:
        known = {plain(item): item for item in items.ids}
        example = next((item for item in added[:1000] if plain(item) in known), None)
        if example is not None:
            other = known[plain(example)]
            why = f"; {example.decode()!r} and {other.decode()!r} are alike {what}, but ids are compared byte for byte"
            break
    return InputError(
        "not one item of the interactions is in the catalogue",
        expected=f"ids as the catalogue has them, such as {items.ids[0].decode()!r}",
        received=f"ids such as {added[0].decode()!r} in the interactions{why}",
        action="write ids the same way in both files (pandas turns whole numbers into 12.0 where some are missing: "
        "astype('Int64')), and check that --columns item=… names the right column",
    )
