"""Which column of a table plays which role: known headers, known layouts, and the person's own mapping."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

from components.errors import InputError
from components.ingestion.reading.tables import SourceTable

USER, ITEM, RATING, TIMESTAMP, EVENT, WEIGHT = INTERACTION_ROLES = (
    "user", "item", "rating", "timestamp", "event", "weight",
)  # fmt: skip
TITLE, GENRES = "title", "genres"
ITEM_ROLES = (ITEM, TITLE, GENRES)
ROLES = (*INTERACTION_ROLES, TITLE, GENRES)

ALIASES = {
    USER: (
        "userid", "user", "uid", "reviewerid", "customerid", "customer", "visitorid", "clientid", "memberid",
        "accountid", "householdkey", "profileid", "personid",
    ),
    ITEM: (
        "movieid", "item", "movie", "itemid", "iid", "productid", "product", "articleid", "sku", "productsku",
        "parentasin", "asin", "stockcode", "businessid", "songid", "trackid", "artistid", "animeid", "gameid",
        "bookid", "isbn", "videoid", "newsid", "contentid", "locationid",
    ),
    RATING: ("rating", "stars", "score", "userrating", "overall", "bookrating", "reviewrating"),
    TIMESTAMP: (
        "timestamp", "ts", "unixtime", "unixreviewtime", "datetime", "eventtime", "createdat", "purchasedat",
        "orderdate", "invoicedate", "tdat", "date", "time",  # beside a date, a time is that of day
    ),
    EVENT: ("event", "eventtype", "interactiontype", "feedbacktype", "behavior", "behaviortype"),
    WEIGHT: (),
    TITLE: ("title", "movietitle", "name", "productname", "itemname"),
    GENRES: ("genres", "genre", "moviegenres", "categories", "category", "categorycode"),
}  # fmt: skip
"""Headers that are understood without a mapping, the likeliest first: letters and digits alone, in lower case."""

CLOCKS = ("time", "timeofday", "ordertime", "purchasetime", "invoicetime", "transactiontime", "transtime", "eventtime")
"""Headers of columns that hold the time of day beside one with the day."""

COUNTS = ("quantity", "count", "plays", "playcount", "purchases", "uniquepurchases", "weight", "watchratio", "duration")
"""Headers of columns that may be weights; they are taken only where a mapping says so."""

_LAYOUTS = {
    "u.data": (USER, ITEM, RATING, TIMESTAMP),
    "ratings.dat": (USER, ITEM, RATING, TIMESTAMP),
    "movies.dat": (ITEM, TITLE, GENRES),
    "u.item": (ITEM, TITLE),
}
"""GroupLens' headerless files: the roles of their first columns."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which column plays which role.

    Attributes:
      header: Names as the table has them.
      names: Role to name; roles that the table lacks are absent.
      passed_over: Names that would have fitted a role too, by the name that was taken.
      clock: The column with the time of day that belongs to the one with the day; None: there is none.
    """

    header: tuple[str, ...]
    names: dict[str, str]
    passed_over: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    clock: str | None = None

    def __contains__(self, role: str) -> bool:
        return role in self.names

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns that play no role."""
        return tuple(name for name in self.header if name not in (*self.names.values(), self.clock))

    def described(self) -> str:
        """One line about what was taken for what."""
        clock = f" and {self.clock}" if self.clock else ""
        parts = [f"{role} = {name}{clock if role == TIMESTAMP else ''}" for role, name in self.names.items()]
        return ", ".join(parts)

    def with_clock(self, clock: str) -> Columns:
        """The same with a column for the time of day, which was passed over for the moment as a whole."""
        others = {name: tuple(one for one in names if one != clock) for name, names in self.passed_over.items()}
        passed_over = {name: names for name, names in others.items() if names}
        return dataclasses.replace(self, clock=clock, passed_over=passed_over)

    @property
    def clocks(self) -> tuple[str, ...]:
        """Columns that may hold the time of day."""
        return tuple(name for name in self.unused if canonical(name) in CLOCKS) if TIMESTAMP in self else ()


def parse_mapping(entries: Iterable[str], roles: Sequence[str] = ROLES, option: str = "--columns") -> dict[str, str]:
    """Reads `role=column` entries, each one or several with commas or blanks between.

    Raises:
      InputError: An entry of another form, an unknown role, or a role given twice.
    """
    mapping: dict[str, str] = {}
    for entry in _single_entries(entries):
        role, equals, column = entry.partition("=")
        role, column = role.strip().lower(), column.strip()
        if role not in roles or not equals or not column or role in mapping:
            raise InputError(
                f"cannot use the column mapping `{entry}`",
                expected="role=column, each role once; roles are " + ", ".join(roles),
                received=entry,
                action=f"write for instance {option} " + ",".join(f"{one}=COLUMN" for one in roles[:2]),
            )
        mapping[role] = column
    return mapping


def _single_entries(entries: Iterable[str]) -> list[str]:
    following = r"[,\s]+(?=[A-Za-z_]+\s*=)"
    return [
        part.strip(" ,") for entry in entries for part in re.split(following, entry.strip(" ,")) if part.strip(" ,")
    ]


def ratings_columns(table: SourceTable, mapping: Mapping[str, str]) -> Columns:
    """Finds the roles of a table of interactions.

    Raises:
      InputError: No column for the user or the item, or none of the name that the mapping gives.
    """
    if not table.headerless:
        roles = {role for role in ROLES if alias_of(table.header, role)}
        if {ITEM, TITLE} <= roles and not {USER, RATING} & roles and USER not in mapping:
            raise InputError(
                f"{table.path} looks like a catalogue and not like a file of ratings",
                expected="columns for user and item, such as userId,movieId,rating,timestamp",
                received=", ".join(table.header),
                action="give this file as --items and the file with the users as --ratings (were they swapped?)",
            )
    return _find(table, mapping, required=(USER, ITEM), optional=(RATING, TIMESTAMP, EVENT, WEIGHT))


def items_columns(table: SourceTable, mapping: Mapping[str, str]) -> Columns:
    """Finds the roles of a catalogue.

    Raises:
      InputError: No column for the item, none of the name that the mapping gives, or a file of ratings.
    """
    if not table.headerless:
        roles = {role for role in ROLES if alias_of(table.header, role)}
        if {ITEM, USER} <= roles and TITLE not in roles and TITLE not in mapping:
            raise InputError(
                f"{table.path} looks like a file of ratings and not like a catalogue",
                expected="columns for item and title, such as movieId,title,genres",
                received=", ".join(table.header),
                action="give this file as --ratings and the file with the titles as --items (were they swapped?)",
            )
    return _find(table, mapping, required=(ITEM,), optional=(TITLE, GENRES))


def users_columns(table: SourceTable, mapping: Mapping[str, str]) -> Columns:
    """Finds the roles of a table of users.

    Raises:
      InputError: No column for the user, or none of the name that the mapping gives.
    """
    return _find(table, mapping, required=(USER,), optional=())


def known_layout(path: str) -> tuple[str, ...]:
    """Roles of the first columns of GroupLens' own headerless files; none for other files."""
    return _LAYOUTS.get(path.rpartition("/")[2].lower(), ())


def canonical(name: str) -> str:
    """A header as it is compared: letters and digits in lower case, without RecBole's `:type`."""
    return re.sub(r"[^a-z0-9]", "", name.partition(":")[0].lower())


def alias_of(header: Sequence[str], role: str) -> str | None:
    """The column that plays `role` by its name; None where there is none."""
    found = _aliases_of(header, role)
    return found[0] if found else None


def _aliases_of(header: Sequence[str], role: str) -> list[str]:
    by_name: dict[str, str] = {}
    for name in header:
        by_name.setdefault(canonical(name), name)
    return [by_name[alias] for alias in ALIASES[role] if alias in by_name]


def _find(
    table: SourceTable, mapping: Mapping[str, str], *, required: Sequence[str], optional: Sequence[str]
) -> Columns:
    header = table.header
    given = {role: mapping[role] for role in (*required, *optional) if role in mapping}
    names: dict[str, str] = {}
    passed_over: dict[str, tuple[str, ...]] = {}
    if table.headerless and not given:
        names = _by_layout(table, (*required, *optional))
    else:
        for role in (*required, *optional):
            if role in given:
                found = named_column(table, given[role])
                # One mapping may serve ratings and catalogue, and the item may be called differently in each.
                if found is None and not (role == ITEM and alias_of(header, ITEM)):
                    raise _no_such_column(table, role, given[role])
                if found is not None:
                    names[role] = found
                    continue
            fitting = [] if table.headerless else [n for n in _aliases_of(header, role) if n not in names.values()]
            if fitting:
                names[role] = fitting[0]
                passed_over[fitting[0]] = tuple(fitting[1:])
    missing = [role for role in required if role not in names]
    if missing:
        raise _no_column_for(table, missing, required)
    return Columns(header, names, {name: others for name, others in passed_over.items() if others})


def _by_layout(table: SourceTable, roles: Sequence[str]) -> dict[str, str]:
    layout = known_layout(table.path)
    if not layout and table.dialect is not None and table.dialect.delimiter == "::" and RATING in roles:
        layout = _LAYOUTS["ratings.dat"]
    return {role: name for role, name in zip(layout, table.header, strict=False) if role in roles}


def named_column(table: SourceTable, column: str) -> str | None:
    """The column that a person names: by its header, or by its position from 1; None where there is none."""
    header = table.header
    stripped = {name.strip(): name for name in header}
    if column in stripped:
        return stripped[column]
    if column.isascii() and column.isdigit() and 1 <= int(column) <= len(header):
        return header[int(column) - 1]
    alike = [name for name in header if canonical(name) == canonical(column)]
    return alike[0] if len(alike) == 1 and canonical(column) else None


def _no_column_for(table: SourceTable, missing: list[str], required: Sequence[str]) -> InputError:
    example = "userId,movieId,rating" if USER in required else "movieId,title"
    first = ", ".join(table.dialect.first if table.dialect is not None else table.header)
    if table.headerless:
        positions = ",".join(f"{role}={number + 1}" for number, role in enumerate(required))
        return InputError(
            f"{table.path} has no header, so no column for {' and '.join(missing)} is known",
            expected=f"a first row such as {example}, or the positions of the columns",
            received=f"the first row {first}",
            action=f"name the columns by their positions, for instance --columns {positions} (positions count from 1)",
        )
    return InputError(
        f"{table.path}, row 1 (the header): no column for {' and '.join(missing)}",
        expected=f"a header such as {example}",
        received=", ".join(table.header),
        action="name the columns, for instance --columns "
        + ",".join(f"{role}=COLUMN" for role in missing)
        + "; where the first row is data and no header, by their positions: --columns "
        + ",".join(f"{role}={number + 1}" for number, role in enumerate(required)),
    )


def _no_such_column(table: SourceTable, role: str, column: str) -> InputError:
    names = ", ".join(table.header)
    if table.headerless:
        assert table.dialect is not None
        return InputError(
            f"{table.path} has no header, and no column {column}, which --columns names for {role}",
            expected=f"a position from 1 to {len(table.header)}",
            received=f"{role}={column}; the first row is {', '.join(table.dialect.first)}",
            action=f"give the position of the {role} column, counted from 1",
        )
    return InputError(
        f"{table.path}, row 1 (the header): no column `{column}`, which --columns names for {role}",
        expected="one of " + names,
        received=column,
        action=f"correct {role}=… in --columns",
    )
