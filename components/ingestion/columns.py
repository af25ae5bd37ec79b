"""Which column of a file plays which role: known headers, aliases, and the person's own mapping."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from components.errors import InputError

USER, ITEM, RATING, TIMESTAMP, TITLE, GENRES = ROLES = ("user", "item", "rating", "timestamp", "title", "genres")

ALIASES = {
    USER: ("userid", "user", "user_id", "uid", "reviewer_id", "customer_id"),
    ITEM: ("movieid", "item", "movie", "item_id", "itemid", "movie_id", "iid", "product_id"),
    RATING: ("rating", "stars", "score", "user_rating"),
    TIMESTAMP: ("timestamp", "time", "ts", "unix_time"),
    TITLE: ("title", "movie_title", "name", "movietitle"),
    GENRES: ("genres", "genre", "movie_genres", "categories"),
}
"""Lower-case headers that are understood without a mapping, the likeliest first."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Positions of the roles in a file.

    Attributes:
      header: Names as the file has them.
      positions: Role to position in `header`; roles that the file lacks are absent.
    """

    header: tuple[str, ...]
    positions: dict[str, int]

    def __contains__(self, role: str) -> bool:
        return role in self.positions

    def name(self, role: str) -> str:
        """The header of the column that plays `role`."""
        return self.header[self.positions[role]]


def parse_mapping(entries: Iterable[str]) -> dict[str, str]:
    """Reads `role=column` entries.

    Raises:
      InputError: An entry of another form, an unknown role, or a role given twice.
    """
    mapping: dict[str, str] = {}
    for entry in entries:
        role, equals, column = entry.partition("=")
        role, column = role.strip().lower(), column.strip()
        if role not in ROLES or not equals or not column or role in mapping:
            raise InputError(
                f"cannot use the column mapping `{entry}`",
                expected="role=column, each role once; roles are " + ", ".join(ROLES),
                received=entry,
                action="write for instance --columns user=customer item=product rating=stars timestamp=time",
            )
        mapping[role] = column
    return mapping


def ratings_columns(path: str, header: Sequence[str], mapping: dict[str, str]) -> Columns:
    """Finds the roles of a file of interactions.

    Raises:
      InputError: No column for the user or the item, or none of the name that the mapping gives.
    """
    roles = _aliases(header)
    if {ITEM, TITLE} <= roles and not {USER, RATING} & roles and USER not in mapping:
        raise InputError(
            f"{path} looks like a catalogue and not like a file of ratings",
            expected="columns for user and item, such as userId,movieId,rating,timestamp",
            received=", ".join(header),
            action="give this file as --movies and the file with the users as --ratings (were they swapped?)",
        )
    return _find(path, header, mapping, required=(USER, ITEM), optional=(RATING, TIMESTAMP))


def movies_columns(path: str, header: Sequence[str], mapping: dict[str, str]) -> Columns:
    """Finds the roles of a catalogue file.

    Raises:
      InputError: No column for the item, none of the name that the mapping gives, or a file of ratings.
    """
    roles = _aliases(header)
    if {ITEM, USER} <= roles and TITLE not in roles and TITLE not in mapping:
        raise InputError(
            f"{path} looks like a file of ratings and not like a catalogue",
            expected="columns for item and title, such as movieId,title,genres",
            received=", ".join(header),
            action="give this file as --ratings and the file with the titles as --movies (were they swapped?)",
        )
    return _find(path, header, mapping, required=(ITEM,), optional=(TITLE, GENRES))


def _find(
    path: str, header: Sequence[str], mapping: dict[str, str], *, required: Sequence[str], optional: Sequence[str]
) -> Columns:
    positions: dict[str, int] = {}
    for role in (*required, *optional):
        position = _position(header, role, mapping)
        if position is not None:
            positions[role] = position
        elif role in mapping:
            raise _no_such_column(path, header, role, mapping[role])
    missing = [role for role in required if role not in positions]
    if missing:
        raise _no_column_for(path, header, missing, "userId,movieId,rating" if USER in required else "movieId,title")
    return Columns(tuple(header), positions)


def _position(header: Sequence[str], role: str, mapping: dict[str, str]) -> int | None:
    if role not in mapping:
        return alias_position(header, role)
    names = [name.strip() for name in header]
    if mapping[role] in names:
        return names.index(mapping[role])
    # One mapping serves ratings and catalogue, and the item may be called differently in each.
    return alias_position(header, role) if role == ITEM else None


def alias_position(header: Sequence[str], role: str) -> int | None:
    """Where the column is that plays `role` by its name; None where there is none."""
    lowered = [name.strip().lower() for name in header]
    return next((lowered.index(alias) for alias in ALIASES[role] if alias in lowered), None)


def _aliases(header: Sequence[str]) -> set[str]:
    return {role for role in ROLES if alias_position(header, role) is not None}


def _no_column_for(path: str, header: Sequence[str], missing: list[str], example: str) -> InputError:
    return InputError(
        f"{path}, row 1 (the header): no column for {' and '.join(missing)}",
        expected=f"a header such as {example}",
        received=", ".join(header),
        action="name the columns with --columns, for instance " + " ".join(f"{role}=COLUMN" for role in missing),
    )


def _no_such_column(path: str, header: Sequence[str], role: str, column: str) -> InputError:
    return InputError(
        f"{path}, row 1 (the header): no column `{column}`, which --columns names for {role}",
        expected="one of " + ", ".join(header),
        received=column,
        action=f"correct {role}=… in --columns",
    )
