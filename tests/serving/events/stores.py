"""Stores for the tests: a file of SQLite, and servers of PostgreSQL and Redis where there are any.

EVENTS_POSTGRESQL and EVENTS_REDIS name other servers than those on the usual ports; tests make databases of their own
there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid

import pytest

POSTGRESQL = os.environ.get("EVENTS_POSTGRESQL", "postgresql://root@127.0.0.1:5432/test")
REDIS = os.environ.get("EVENTS_REDIS", "redis://127.0.0.1:6379/9")


def answers(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False


@contextlib.contextmanager
def store_url(kind: str, folder):
    """The URL of an empty store; what is in it is dropped at the end."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/events.db"
    elif kind == "postgresql":
        if "EVENTS_POSTGRESQL" not in os.environ and not answers(5432):
            pytest.skip("no PostgreSQL on 127.0.0.1:5432; EVENTS_POSTGRESQL=URL names another one")
        with _new_database() as url:
            yield url
    else:
        if "EVENTS_REDIS" not in os.environ and not answers(6379):
            pytest.skip("no Redis on 127.0.0.1:6379; EVENTS_REDIS=URL names another one")
        with _own_number() as url:
            yield url


@contextlib.contextmanager
def _new_database():
    import sqlalchemy as sa

    engine = sa.create_engine(sa.engine.make_url(POSTGRESQL).set(drivername="postgresql+psycopg"))
    name = f"events_{uuid.uuid4().hex}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield sa.engine.make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


@contextlib.contextmanager
def _own_number():
    """A database of Redis that no other test uses; tests that run at once take different ones."""
    import redis

    base, _, first = REDIS.rpartition("/")
    number = int(first) + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 6
    url = f"{base}/{number}"
    client = redis.Redis.from_url(url)
    for key in client.scan_iter("recommender:events:*"):
        client.delete(key)
    try:
        yield url
    finally:
        for key in client.scan_iter("recommender:events:*"):
            client.delete(key)
        client.close()
