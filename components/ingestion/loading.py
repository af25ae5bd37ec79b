"""Interactions of any source as one DuckDB table, every row checked:
`rows(user, item, rating, weight, time, part, event, context, fault)`.

The row's place in the source is its rowid. Ids are text and come back byte for byte.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from components.errors import InputError
from components.feature_specs import CONTEXT
from components.ingestion import faults, times
from components.ingestion.columns import COUNTS, EVENT, ITEM, RATING, TIMESTAMP, USER, WEIGHT, Columns, canonical
from components.ingestion.config import DataConfig
from components.ingestion.faults import BadRow, Fault
from components.ingestion.reading.tables import (
    EXTRA,
    TEXT_TYPE,
    SourceTable,
    id_text,
    identifier,
    lines_of,
    literal,
    rejected_lines,
    unreadable,
)
from components.progress import report, warn

CREATE = """CREATE OR REPLACE TABLE rows
(user VARCHAR, item VARCHAR, rating FLOAT, weight FLOAT, time BIGINT, part UTINYINT, event VARCHAR,
context VARCHAR, fault UTINYINT)"""

SAMPLE_ROWS = 2_000
MOST_SKIPPED = 1_000  # of the bad rows are written down: their lines are counted in Python
BETWEEN = "\x1f"  # stands between the values of `context`, one a column
_INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """What a table of interactions was understood to be.

    Attributes:
      columns: Which column plays which role.
      has_ratings: Whether ratings are read.
      only_rating: The one rating of all first rows; None where there are several or none.
      times: How times are read.
      decimal_comma: Whether 4,5 means four and a half.
      context: Columns that are features of the context, in their order.
    """

    columns: Columns
    has_ratings: bool
    only_rating: Any
    times: times.TimeForm
    decimal_comma: bool
    context: tuple[str, ...] = ()

    @property
    def has_timestamps(self) -> bool:
        return TIMESTAMP in self.columns


def spread(table: SourceTable, columns: Columns, context: Sequence[str] = ()) -> SourceTable:
    """One row an interaction, where a row of the file holds lists of them.

    The prepared form is one row a user, with a list of items and beside it as long lists of ratings, times or weights;
    a basket is one row a receipt, with a list of items. What is no list is repeated.

    Args:
      table: The file.
      columns: Which column plays which role; the user's is never a list.
      context: Columns that are features of the context.
    """
    lists = {}
    for role, name in (*columns.names.items(), *((CONTEXT, name) for name in context)):
        kind = table.columns[name]
        if role != USER and kind.endswith("[]"):
            lists[name] = (identifier(name), kind.removesuffix("[]"))
        elif role != USER and kind == "JSON":
            lists[name] = (f"from_json({identifier(name)}, '[\"VARCHAR\"]')", TEXT_TYPE)
    if columns.names[ITEM] not in lists:
        return table
    parts = ", ".join(f"unnest({values}) AS {identifier(name)}" for name, (values, _) in lists.items())
    kinds = {name: kind for name, (_, kind) in lists.items()}
    return dataclasses.replace(
        table, sql=f"(SELECT * REPLACE ({parts}) FROM {table.sql})", columns={**table.columns, **kinds}
    )


def understand(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, columns: Columns, config: DataConfig
) -> Layout:
    """Looks at the first rows of a table: its ratings, whether they differ, and how times are written.

    Raises:
      InputError: Ratings are asked for and there are none, or times cannot be understood.
    """
    for role in (USER, ITEM):
        _check_id_type(table, columns, role)
    columns = _with_clock(connection, table, columns)
    if config.has_ratings == "true" and RATING not in columns:
        raise InputError(
            f"{table.path}: no column for rating, and data.has_ratings is true",
            expected="a column such as rating",
            received=", ".join(table.header),
            action="name the column with --columns rating=COLUMN, or leave data.has_ratings at auto",
        )
    ratings = _sample(connection, table, columns, RATING)
    if RATING in columns and not ratings and config.has_ratings == "auto":
        warn("the column %s is empty: read as interactions without ratings", columns.names[RATING])
    return Layout(
        columns=columns,
        has_ratings=config.has_ratings == "true" or (bool(ratings) and config.has_ratings == "auto"),
        only_rating=_number_text(ratings[0]) if len(set(map(_number_text, ratings))) == 1 else None,
        times=_time_form(connection, table, columns, config),
        decimal_comma=any("," in value for value in ratings) and not any("." in value for value in ratings),
    )


def describe(table: SourceTable, layout: Layout) -> None:
    """Says what was taken for what, and which columns were not used."""
    report("%s: %s", table.path, layout.columns.described())
    for taken, others in layout.columns.passed_over.items():
        warn("%s was taken and %s was not: name another with --columns", taken, ", ".join(others))
    if layout.has_timestamps:
        report("times: %s", layout.times.name)
    elsewhere = (*sum(layout.columns.passed_over.values(), ()), *layout.context)
    unused = [name for name in layout.columns.unused if name not in elsewhere]
    if RATING in layout.columns and not layout.has_ratings:
        unused.append(layout.columns.names[RATING])
    if unused:
        counts = [name for name in unused if canonical(name) in COUNTS]
        hint = f"; how often or how much can count: --columns weight={counts[0]}" if counts else ""
        report("columns that are not used: %s%s", ", ".join(unused), hint)


def load(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, layout: Layout, config: DataConfig, part: int
) -> None:
    """Appends a table's rows, each with what is wrong with it.

    Raises:
      InputError: The file cannot be read at all.
    """
    try:
        connection.execute(f"INSERT INTO rows {checked(table, layout, config, part)}")
    except duckdb.Error as error:
        raise unreadable(table.path, error) from None


def count_events(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of each kind of interaction, the commonest first; empty where there is no such column."""
    query = "SELECT event, count(*) FROM rows WHERE event IS NOT NULL GROUP BY event ORDER BY 2 DESC, 1 LIMIT 1000"
    return dict(connection.execute(query).fetchall())


def check(
    connection: duckdb.DuckDBPyConnection, loaded: Iterable[tuple[SourceTable, Layout, int]], config: DataConfig
) -> tuple[dict[Fault, int], list[BadRow]]:
    """Refuses or skips what is wrong with the rows, and deletes what is skipped.

    Args:
      connection: With the table `rows`.
      loaded: Each table that was loaded, and the rows that it had when it was loaded, in their order.
      config: Whether bad rows are skipped.

    Returns:
      Rows that were left out, by fault, and the first of those that were skipped.

    Raises:
      InputError: Bad rows, or no good ones.
    """
    loaded = list(loaded)
    skipped: list[BadRow] = []
    found = connection.execute("SELECT fault, count(*) FROM rows GROUP BY fault ORDER BY fault").fetchall()
    counts = {Fault(fault): count for fault, count in found if fault}
    rejected = rejected_lines(connection)
    if rejected:
        counts[Fault.UNREADABLE] = len(rejected)
    total = sum(count for _, count in found) + len(rejected)
    if counts:
        examples = _bad_rows(connection, loaded, each=2, most=faults.EXAMPLES)
        examples += _unreadable_rows(loaded, rejected[: faults.EXAMPLES])
        faults.settle(counts, total, examples, config.bad_rows, config.max_bad_share)
        if examples:
            skipped = _bad_rows(connection, loaded, each=MOST_SKIPPED, most=MOST_SKIPPED)
            skipped += _unreadable_rows(loaded, rejected[: MOST_SKIPPED - len(skipped)])
        connection.execute("DELETE FROM rows WHERE fault <> 0")
    if total == sum(counts.values()):
        names = ", ".join(table.path for table, _, _ in loaded)
        raise InputError(
            f"{names} has a header and no rows" if not total else f"{names} has no row that can be used",
            expected="at least one interaction",
            received=f"{total:,} rows",
            action="add rows",
        )
    return counts, skipped


def outside(rating: str, config: DataConfig) -> list[str]:
    """SQL that is true where the expression `rating` lies outside the range of the settings; none without a range."""
    ends = ((config.rating_min, "<"), (config.rating_max, ">"))
    return [f"{rating} {beyond} {end}" for end, beyond in ends if end is not None]


Test = tuple[str, "Fault | str"]
"""What SQL finds in a row, and the fault that it then has (or SQL that says which)."""


def checked(table: SourceTable, layout: Layout, config: DataConfig, part: int) -> str:
    """The query of the rows with their values and faults."""
    columns = layout.columns
    user, item = _id(table, columns, USER), _id(table, columns, ITEM)
    kind = f"trim({_given(columns, EVENT)}::VARCHAR)" if EVENT in columns else "NULL::VARCHAR"
    weight, of_weight = _weight(table, layout, config, kind)
    rating, of_rating = _stars(table, layout, config)
    time, of_time = _time(layout)
    tests = [*_out_of_form(table, columns), *_of_ids(columns, user, item), *of_weight, *of_rating, *of_time]
    cases = " ".join(f"WHEN {test} THEN {fault if isinstance(fault, str) else int(fault)}" for test, fault in tests)
    return (
        f"SELECT {user}, {item}, {rating}, {weight}, try_cast(floor({time}) AS BIGINT), {part}, {kind}, "
        f"{_context(table, layout)}, (CASE {cases} ELSE 0 END)::UTINYINT FROM {table.sql}"
    )


def _out_of_form(table: SourceTable, columns: Columns) -> list[Test]:
    """Tests for lines that are no rows of the table."""
    tests: list[Test] = []
    if table.dialect is not None and table.dialect.has_header:
        again = " AND ".join(f"{_given(columns, role)} = {literal(columns.names[role])}" for role in (USER, ITEM))
        tests.append((again, Fault.HEADER_AGAIN))
    if EXTRA in table.columns:
        tests.append((f"trim({identifier(EXTRA)}) <> ''", Fault.EXTRA_FIELDS))
    return tests


def _of_ids(columns: Columns, user: str, item: str) -> list[Test]:
    return [
        (f"{_given(columns, USER)} IS NULL OR {user} = ''", Fault.EMPTY_USER),
        (f"{_given(columns, ITEM)} IS NULL OR {item} = ''", Fault.EMPTY_ITEM),
        (f"{user} IS NULL", Fault.FRACTIONAL_USER),
        (f"{item} IS NULL", Fault.FRACTIONAL_ITEM),
        (_broken(user), Fault.LINE_BREAK_IN_USER),
        (_broken(item), Fault.LINE_BREAK_IN_ITEM),
    ]


def _weight(table: SourceTable, layout: Layout, config: DataConfig, kind: str) -> tuple[str, list[Test]]:
    """A row's weight, of the kind of interaction and of a column, and what may be wrong with it."""
    columns, weight = layout.columns, "1.0::FLOAT"
    tests: list[Test] = []
    if EVENT in columns and config.events:
        cases = " ".join(f"WHEN {literal(name)} THEN {value}" for name, value in sorted(config.events.items()))
        weight = f"(CASE {kind} {cases} END)::FLOAT"
        tests.append((f"{weight} IS NULL", Fault.EVENT_NOT_NAMED))
    if WEIGHT in columns:
        given = _number(table, columns, WEIGHT, layout.decimal_comma)
        tests.append((f"NOT coalesce(isfinite({given}), false)", Fault.BAD_WEIGHT))
        weight = f"try_cast({weight} * {given} AS FLOAT)"
    if EVENT in columns or WEIGHT in columns:
        tests.append((f"{weight} <= 0", Fault.NO_WEIGHT))
    return weight, tests


def _stars(table: SourceTable, layout: Layout, config: DataConfig) -> tuple[str, list[Test]]:
    """A row's rating, 1 without a column of them, and what may be wrong with it."""
    if not layout.has_ratings:
        return "1.0::FLOAT", []
    rating = f"try_cast({_rating(table, layout.columns, layout.decimal_comma)} AS FLOAT)"
    given = _given(layout.columns, RATING)
    missing = f"{given} IS NULL OR lower(trim({given}::VARCHAR)) IN ('', 'null', 'none', 'na', 'n/a')"
    fault = _either(missing, Fault.EMPTY_RATING, Fault.BAD_RATING)
    beyond: list[Test] = [(test, Fault.RATING_OUT_OF_RANGE) for test in outside(rating, config)]
    return rating, [(f"{rating} IS NULL OR NOT isfinite({rating})", fault), *beyond]


def _time(layout: Layout) -> tuple[str, list[Test]]:
    """A row's seconds since 1970, and what may be wrong with them."""
    given = _given(layout.columns, TIMESTAMP)
    time = layout.times.sql(given)
    if not layout.has_timestamps:
        return time, []
    missing = f"{given} IS NULL OR trim({given}::VARCHAR) = ''"
    return time, [
        (f"{time} IS NULL OR NOT isfinite({time})", _either(missing, Fault.EMPTY_TIME, Fault.BAD_TIME)),
        (f"{time} < {times.EARLIEST} OR {time} > {times.LATEST}", Fault.TIME_OUT_OF_RANGE),
    ]


def _context(table: SourceTable, layout: Layout) -> str:
    """The values of the columns of the context side by side; a whole number has no `.0`, what is missing is empty."""
    if not layout.context:
        return "NULL::VARCHAR"
    texts = [
        f"coalesce(trim({id_text(identifier(name), table.columns[name], f'{identifier(name)}::VARCHAR')}), '')"
        for name in layout.context
    ]
    return f"concat_ws(chr({ord(BETWEEN)}), {', '.join(texts)})"


def _given(columns: Columns, role: str) -> str:
    if role not in columns:
        return "NULL"
    name = identifier(columns.names[role])
    if role != TIMESTAMP or columns.clock is None:
        return name
    return f"({name}::VARCHAR || coalesce(' ' || nullif(trim({identifier(columns.clock)}::VARCHAR), ''), ''))"


def _with_clock(connection: duckdb.DuckDBPyConnection, table: SourceTable, columns: Columns) -> Columns:
    """The columns with that of the time of day, where one stands beside a column of days."""
    if not columns.clocks or not all(map(times.is_day, _sample(connection, table, columns, TIMESTAMP))):
        return columns
    for clock in columns.clocks:
        beside = dataclasses.replace(columns, names={TIMESTAMP: clock})
        values = _sample(connection, table, beside, TIMESTAMP)
        if values and all(times.is_time_of_day(value) for value in values):
            return columns.with_clock(clock)
    return columns


def _id(table: SourceTable, columns: Columns, role: str) -> str:
    """An id as text; NULL where it cannot be one."""
    return id_text(_given(columns, role), table.columns[columns.names[role]])


def _either(condition: str, one: Fault, other: Fault) -> str:
    return f"(CASE WHEN {condition} THEN {int(one)} ELSE {int(other)} END)"


def _broken(text: str) -> str:
    return f"(contains({text}, chr(10)) OR contains({text}, chr(13)) OR contains({text}, chr(0)))"


def _number(table: SourceTable, columns: Columns, role: str, decimal_comma: bool) -> str:
    column, kind = _given(columns, role), table.columns[columns.names[role]]
    if kind == "BOOLEAN":
        return f"{column}::INTEGER::DOUBLE"
    if kind in _INTEGERS or kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        return f"{column}::DOUBLE"
    text = f"replace({column}::VARCHAR, ',', '.')" if decimal_comma else f"{column}::VARCHAR"
    return times.plain_number(text)


def _rating(table: SourceTable, columns: Columns, decimal_comma: bool) -> str:
    """A number, or 1 and 0 for true and false."""
    number = _number(table, columns, RATING, decimal_comma)
    if table.columns[columns.names[RATING]] != TEXT_TYPE:
        return number
    truth = f"CASE lower(trim({_given(columns, RATING)})) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END"
    return f"coalesce({number}, {truth})"


def _check_id_type(table: SourceTable, columns: Columns, role: str) -> None:
    kind = table.columns[columns.names[role]]
    if kind in ("BOOLEAN", "DATE", "JSON") or kind.startswith(("STRUCT", "MAP", "TIME")) or kind.endswith("]"):
        raise InputError(
            f"{table.path}: the column {columns.names[role]} cannot be the {role} id",
            expected="texts or whole numbers" + (", or one list of them a row" if role == ITEM else ""),
            received=f"values of the type {kind.lower()}",
            action=f"name another column with --columns {role}=COLUMN, or convert this one to text",
        )


def _sample(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, columns: Columns, role: str, rows: int = SAMPLE_ROWS
) -> list[str]:
    """Values of a column in the first rows, as text, empty ones left out."""
    if role not in columns:
        return []
    query = f"SELECT trim({_given(columns, role)}::VARCHAR) FROM {table.sql} LIMIT {rows}"
    try:
        values = [value for (value,) in connection.execute(query).fetchall()]
    except duckdb.Error as error:
        raise unreadable(table.path, error) from None
    header = columns.names[role]
    return [value for value in values if value and value != header and value.lower() not in ("nan", "null", "none")]


def _number_text(text: str) -> Any:
    try:
        return float(text.replace(",", ".")) if text.isascii() else text
    except ValueError:
        return text


def _time_form(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, columns: Columns, config: DataConfig
) -> times.TimeForm:
    if TIMESTAMP not in columns:
        return times.undated()
    name = columns.names[TIMESTAMP]

    def extremes() -> tuple[int, int]:
        parts = f"string_split_regex(trim({identifier(name)}::VARCHAR), '[/. -]')"
        query = f"SELECT max(try_cast({parts}[1] AS INT)), max(try_cast({parts}[2] AS INT)) FROM {table.sql}"
        row = connection.execute(query).fetchone()
        return (row[0] or 0, row[1] or 0) if row else (0, 0)

    return times.find_form(
        table.columns[name] if columns.clock is None else TEXT_TYPE,
        _sample(connection, table, columns, TIMESTAMP),
        unit=config.time_unit,
        time_format=config.time_format,
        extremes=extremes,
        place=f"{table.path}, column {name}",
    )


def _unreadable_rows(
    loaded: list[tuple[SourceTable, Layout, int]], rejected: list[tuple[str, int, str]]
) -> list[BadRow]:
    names = {table.path for table, _, _ in loaded}
    return [
        BadRow(
            path=path if path in names else loaded[0][0].path,
            line=int(line),
            fault=Fault.UNREADABLE,
            value=reason.splitlines()[0][:200],
        )
        for path, line, reason in rejected
    ]


def _bad_rows(
    connection: duckdb.DuckDBPyConnection, loaded: list[tuple[SourceTable, Layout, int]], each: int, most: int
) -> list[BadRow]:
    """Bad rows with the file's own row numbers, at most `each` of a kind and `most` together."""
    left_out = ", ".join(str(int(fault)) for fault in faults.LEFT_OUT)
    query = f"""SELECT rowid, fault FROM rows WHERE fault NOT IN (0, {left_out})
    QUALIFY row_number() OVER (PARTITION BY fault ORDER BY rowid) <= {each} ORDER BY rowid LIMIT {most}"""
    bad = connection.execute(query).fetchall()
    found: list[BadRow] = []
    first = 0
    for table, layout, rows in loaded:
        found += _as_read(
            connection, table, layout, {at - first: Fault(code) for at, code in bad if 0 <= at - first < rows}
        )
        first += rows
    return found


def _as_read(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, layout: Layout, bad: Mapping[int, Fault]
) -> list[BadRow]:
    """Rows of a file by position, from 0 and rising, as they stand there; the file is read once."""
    if not bad:
        return []
    place = identifier(BETWEEN)  # a name that no column has
    query = f"""SELECT * FROM (SELECT row_number() OVER () - 1 AS {place}, * FROM {table.sql})
    WHERE {place} IN ({", ".join(map(str, bad))})"""
    rows = {ordinal: row for ordinal, *row in connection.execute(query).fetchall()}
    lines = lines_of(table, list(bad))
    return [
        _bad_row(table, layout, rows.get(ordinal, []), line, fault)
        for (ordinal, fault), line in zip(bad.items(), lines, strict=True)
    ]


def _bad_row(table: SourceTable, layout: Layout, row: Sequence[Any], line: int, fault: Fault) -> BadRow:
    values: Mapping[str, Any] = dict(zip(table.columns, row, strict=False))
    role = {
        Fault.EMPTY_USER: USER,
        Fault.LINE_BREAK_IN_USER: USER,
        Fault.FRACTIONAL_USER: USER,
        Fault.EMPTY_ITEM: ITEM,
        Fault.LINE_BREAK_IN_ITEM: ITEM,
        Fault.FRACTIONAL_ITEM: ITEM,
        Fault.BAD_WEIGHT: WEIGHT,
        Fault.EMPTY_RATING: RATING,
        Fault.BAD_RATING: RATING,
        Fault.RATING_OUT_OF_RANGE: RATING,
        Fault.EMPTY_TIME: TIMESTAMP,
        Fault.BAD_TIME: TIMESTAMP,
        Fault.TIME_OUT_OF_RANGE: TIMESTAMP,
    }.get(fault)
    value = repr(values.get(layout.columns.names[role])) if role else ", ".join(str(v) for v in row if v is not None)
    return BadRow(path=table.path, line=line, fault=fault, value=value)
