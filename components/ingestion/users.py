"""The users' own table: one row a user, with columns of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import duckdb

from components.errors import InputError
from components.feature_specs import FeatureSpec
from components.ingestion.columns import USER, Columns
from components.ingestion.own_columns import Values, columns_of, converted
from components.ingestion.reading.tables import SourceTable, id_text, identifier, unreadable
from components.progress import warn


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserRecords:
    """Users of a table.

    Attributes:
      ids: bytes, distinct.
      features: Values by the name of the feature, each a list of lists, one a user.
    """

    ids: list[bytes] = dataclasses.field(default_factory=list)
    features: dict[str, Values] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, ids: Sequence[bytes]) -> UserRecords:
        """The same of `ids`, in their order; nothing is known of one that the table lacks."""
        row_of = {user: row for row, user in enumerate(self.ids)}
        rows = [row_of.get(user, -1) for user in ids]
        features = {name: [values[row] if row >= 0 else [] for row in rows] for name, values in self.features.items()}
        return UserRecords(ids=list(ids), features=features)


def read_users(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[tuple[SourceTable, Columns]], specs: Sequence[FeatureSpec]
) -> UserRecords:
    """The users of a source's own tables. Of a user who occurs twice the last row holds.

    Raises:
      InputError: A feature's column is missing or holds no value, or there is no row at all.
    """
    own = columns_of([table for table, _ in tables], specs, "--users")
    rows: dict[bytes, tuple[object, ...]] = {}
    count = 0
    for table, columns in tables:
        for user, *values in _fetch(connection, table, columns, list(own.values())):
            if user:
                rows[str(user).encode()] = tuple(values)
            count += 1
        if columns.unused:
            unused = [name for name in columns.unused if name not in own.values()]
            if unused:
                warn("columns of the users that no feature names: %s", ", ".join(unused))
    if not rows:
        raise InputError(
            f"{', '.join(table.path for table, _ in tables)} has no user",
            expected="at least one row with a user id",
            received=f"{count:,} rows",
            action="add rows",
        )
    if count > len(rows):
        warn(
            "%d rows of the users' table are of a user of another row, or of none: the last row of each holds",
            count - len(rows),
        )
    by_name = dict(zip(own, zip(*rows.values(), strict=True), strict=True))
    return UserRecords(
        ids=list(rows), features={spec.name: converted(spec, by_name[spec.name], own[spec.name]) for spec in specs}
    )


def _fetch(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, columns: Columns, own: Sequence[str]
) -> list[tuple[object, ...]]:
    name = columns.names[USER]
    user = id_text(identifier(name), table.columns[name], fractional=f"{identifier(name)}::VARCHAR")
    selected = ", ".join([user, *map(identifier, own)])
    try:
        return connection.execute(f"SELECT {selected} FROM {table.sql}").fetchall()
    except duckdb.Error as error:
        raise unreadable(table.path, error) from None
