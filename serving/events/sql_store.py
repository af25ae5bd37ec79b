"""Events in a table, by SQLAlchemy Core: a file of SQLite for one machine, PostgreSQL for several servers.

SQLite writes ahead (WAL), so readers never wait for a writer, and an acknowledged event is on the disk
(`synchronous=FULL`). A commit costs a flush of the disk: serving/events/desk.py commits many events at once.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from serving.errors import InvalidRequestError
from serving.events.event import Event
from serving.events.store import Bounds, StoreError, shown_url

SECONDS = 2.0
"""Most time for a connection, and for a statement of PostgreSQL."""
LOCK_SECONDS = 10.0
"""Most time that a writer of SQLite waits for another one."""
USERS_AT_ONCE = 500
ROWS_AT_ONCE = 5000

_table = sa.Table(
    "recommender_events",
    sa.MetaData(),
    sa.Column(
        "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), primary_key=True
    ),  # order of arrival
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("timestamp", sa.Double, nullable=False),
    sa.Column("rating", sa.Double),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Index("recommender_events_of_user", "user", "timestamp", "number"),
    sa.Index("recommender_events_by_time", "timestamp", "number"),
)
_columns = _table.c
_fields = [_columns[name] for name in ("user", "item", "event", "timestamp", "rating", "id", "request_id")]


class SqlStore:
    """A table of a database; see `EventStore`.

    Args:
      url: `sqlite:///FILE` or `postgresql://…`.
      bounds: What is kept.
    """

    def __init__(self, url: str, bounds: Bounds) -> None:
        self._bounds = bounds
        self._shown = shown_url(url)
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._is_sqlite = url.startswith("sqlite")
        insert = sqlite.insert if self._is_sqlite else postgresql.insert
        self._insert = insert(_table).on_conflict_do_nothing(index_elements=["id"]).returning(_columns.id)
        try:
            self._engine = _sqlite(url) if self._is_sqlite else _postgresql(url)
        except (SQLAlchemyError, ValueError) as error:
            raise InvalidRequestError(f"the event store {self._shown} cannot be read: {error}") from None
        with self._errors():
            _table.metadata.create_all(self._engine)

    def add(self, events: Sequence[Event]) -> list[bool]:
        """See `EventStore`."""
        if not events:
            return []
        with self._errors(), self._engine.begin() as connection:
            new = {row[0] for row in connection.execute(self._insert, [event._asdict() for event in events])}
        added: list[bool] = []
        for event in events:
            added.append(event.id in new)
            new.discard(event.id)
        return added

    def latest(self, users: Sequence[str], most: int, kinds: Collection[str] = ()) -> list[list[Event]]:
        """See `EventStore`."""
        found: dict[str, list[Event]] = {user: [] for user in users}
        asked = list(found)
        with self._errors():
            for start in range(0, len(asked), USERS_AT_ONCE):
                for row in self._rows(asked[start : start + USERS_AT_ONCE], most, list(kinds)):
                    found[row[0]].append(Event._make(row))
        return [found[user] for user in users]

    def _rows(self, users: list[str], most: int, kinds: list[str]) -> Sequence[Any]:
        if not self._is_sqlite:
            values = {"users": users, "most": most, "kinds": kinds}
            with self._engine.connect() as connection:
                return connection.execute(_LATEST_OF_KINDS if kinds else _LATEST, values).fetchall()
        # Of a question to a file, SQLAlchemy's own work is four fifths: the text is made once for each number of users.
        padded = users + users[-1:] * ((1 << (len(users) - 1).bit_length()) - len(users))
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            file = str(self._engine.url.database)
            reader = self._local.reader = sqlite3.connect(file, timeout=LOCK_SECONDS, check_same_thread=False)
            self._readers.append(reader)
        try:
            return list(reader.execute(_text(len(padded), len(kinds)), (*padded, *kinds, most)))
        except sqlite3.Error as error:
            raise StoreError(f"{self._shown}: {error}") from error

    def erase(self, user: str) -> int:
        """See `EventStore`."""
        return self._delete(_columns.user == user)

    def between(self, begin: float, end: float) -> Iterator[Event]:
        """See `EventStore`."""
        asked = (
            sa.select(*_fields)
            .where(_columns.timestamp >= begin, _columns.timestamp < end)
            .order_by(_columns.timestamp, _columns.number)
            .execution_options(yield_per=ROWS_AT_ONCE)
        )
        with self._errors(), self._engine.connect() as connection:
            if not self._is_sqlite:
                connection.execute(sa.text("SET LOCAL statement_timeout = 0"))  # nobody waits for an answer
            for row in connection.execute(asked):
                yield Event._make(row)

    def trim(self, now: float) -> int:
        """See `EventStore`."""
        dropped = self._delete(_columns.timestamp < now - self._bounds.seconds)
        full = sa.select(_columns.user).group_by(_columns.user).having(sa.func.count() > self._bounds.per_user)
        numbered = sa.select(_columns.number, _newest_first()).where(_columns.user.in_(full)).subquery()
        late = sa.select(numbered.c.number).where(numbered.c.place > self._bounds.per_user)
        return dropped + self._delete(_columns.number.in_(late))

    def check(self) -> list[str]:
        """See `EventStore`."""
        with self._errors(), self._engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        return []

    def close(self) -> None:
        """See `EventStore`."""
        for reader in self._readers:
            reader.close()
        self._engine.dispose()

    def _delete(self, condition: Any) -> int:
        with self._errors(), self._engine.begin() as connection:
            if not self._is_sqlite:
                connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            return int(connection.execute(sa.delete(_table).where(condition)).rowcount)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StoreError(f"{self._shown}: {str(cause).strip().splitlines()[0]}") from error


def _newest_first() -> Any:
    order = (_columns.timestamp.desc(), _columns.number.desc())
    return sa.func.row_number().over(partition_by=_columns.user, order_by=order).label("place")


def _latest(*conditions: Any) -> Any:
    users = _columns.user.in_(sa.bindparam("users", expanding=True))
    numbered = sa.select(*_fields, _columns.number, _newest_first()).where(users, *conditions).subquery()
    return (
        sa.select(*(numbered.c[field.name] for field in _fields))
        .where(numbered.c.place <= sa.bindparam("most"))
        .order_by(numbered.c.user, numbered.c.timestamp, numbered.c.number)
    )


_LATEST = _latest()
_LATEST_OF_KINDS = _latest(_columns.event.in_(sa.bindparam("kinds", expanding=True)))


@functools.lru_cache(maxsize=64)
def _text(users: int, kinds: int) -> str:
    """The question for SQLite, whose values are so many users, so many kinds, and the most of a user."""
    statement = _LATEST_OF_KINDS if kinds else _LATEST
    values = {"users": [""] * users, "most": 0, **({"kinds": [""] * kinds} if kinds else {})}
    compiled = statement.params(**values).compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    return str(compiled)


def _sqlite(url: str) -> sa.Engine:
    address = sa.engine.make_url(url)
    if not address.database or address.database == ":memory:":
        raise ValueError("expected a file: sqlite:///events.db, or sqlite:////var/lib/events.db")
    folder = Path(address.database).absolute().parent
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    engine = sa.create_engine(
        address.set(drivername="sqlite+pysqlite"), connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _postgresql(url: str) -> sa.Engine:
    address = sa.engine.make_url(url).set(drivername="postgresql+psycopg")
    settings = f"-c statement_timeout={round(SECONDS * 1000)}"
    return sa.create_engine(
        address,
        pool_size=4,
        pool_timeout=SECONDS,
        pool_pre_ping=False,  # a question more for each; a connection that has died is opened anew at the next one
        connect_args={
            "connect_timeout": round(SECONDS),
            "options": settings,
            "tcp_user_timeout": round(SECONDS * 1000),
        },
    )
