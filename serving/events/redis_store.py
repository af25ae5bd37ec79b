"""Events in Redis: a sorted set a user, by time, and a key an event id, which both end with the age that is kept.

Scripts run as one step, so several servers may share it. Redis keeps what it acknowledged over a kill only with
`appendonly yes` and `appendfsync always`; `check` says where it does not. One Redis (or a replicated one), not a
cluster: a script touches keys of several users.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import orjson
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.errors import InvalidRequestError
from serving.events.event import Event
from serving.events.store import Bounds, StoreError, shown_url

SECONDS = 2.0
"""Most time for a connection and for an answer."""
PREFIX = "recommender:events:"
KEYS_AT_ONCE = 500

# ARGV: prefix, seconds, most of a user, then user, id, timestamp and the rest of each event. The number in front of a
# member keeps the order of arrival among equals.
_ADD = """
local added, prefix, seconds, most = {}, ARGV[1], ARGV[2], tonumber(ARGV[3])
for i = 4, #ARGV, 4 do
  if redis.call('SET', prefix .. 'id:' .. ARGV[i + 1], ARGV[i], 'NX', 'EX', seconds) then
    local key = prefix .. 'user:' .. ARGV[i]
    local number = redis.call('INCR', prefix .. 'number')
    redis.call('ZADD', key, ARGV[i + 2], string.format('%016d', number) .. ARGV[i + 3])
    if redis.call('ZCARD', key) > most then
      redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
    end
    redis.call('EXPIRE', key, seconds)
    added[#added + 1] = 1
  else
    added[#added + 1] = 0
  end
end
return added
"""
# ARGV: prefix, user. Ids are forgotten, too: nothing of the user stays.
_ERASE = """
local key = ARGV[1] .. 'user:' .. ARGV[2]
local members = redis.call('ZRANGE', key, 0, -1)
for _, member in ipairs(members) do
  redis.call('DEL', ARGV[1] .. 'id:' .. cjson.decode(string.sub(member, 17))[5])
end
redis.call('DEL', key)
return #members
"""
# ARGV: prefix, minus the most of a user, users as JSON: to write one argument costs the client less than to write many.
# Answers with place and members of those who have events.
_LATEST = """
local found = {}
for place, user in ipairs(cjson.decode(ARGV[3])) do
  local members = redis.call('ZRANGE', ARGV[1] .. 'user:' .. user, ARGV[2], -1)
  if #members > 0 then
    found[#found + 1] = {place - 1, members}
  end
end
return found
"""
_NUMBER = 16
"""Digits in front of a member."""


class RedisStore:
    """A database of Redis; see `EventStore`.

    Args:
      url: `redis://host:port/number` or `rediss://…`.
      bounds: What is kept.
    """

    def __init__(self, url: str, bounds: Bounds) -> None:
        self._bounds = bounds
        self._shown = shown_url(url)
        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as error:
            raise InvalidRequestError(f"the event store {self._shown} cannot be read: {error}") from None
        self._add = self._redis.register_script(_ADD)
        self._latest = self._redis.register_script(_LATEST)
        self._erase = self._redis.register_script(_ERASE)
        self.check()

    def add(self, events: Sequence[Event]) -> list[bool]:
        """See `EventStore`."""
        if not events:
            return []
        arguments: list[Any] = [PREFIX, round(self._bounds.seconds), self._bounds.per_user]
        for event in events:
            arguments += (event.user, event.id, repr(event.timestamp), _written(event))
        with self._errors():
            return [bool(one) for one in self._add(args=arguments)]

    def latest(self, users: Sequence[str], most: int, kinds: Collection[str] = ()) -> list[list[Event]]:
        """See `EventStore`."""
        read = self._bounds.per_user if kinds else most
        found: list[list[Event]] = [[] for _ in users]
        with self._errors():
            for place, members in self._latest(args=[PREFIX, -read, orjson.dumps(users)]):
                found[place] = [_read(users[place], member) for member in members]
        if not kinds:
            return found
        return [[event for event in events if event.event in kinds][-most:] for events in found]

    def erase(self, user: str) -> int:
        """See `EventStore`."""
        with self._errors():
            return int(self._erase(args=[PREFIX, user]))

    def between(self, begin: float, end: float) -> Iterator[Event]:
        """See `EventStore`."""
        with self._errors():
            lists = [self._of(key, begin, end) for key in self._keys()]
        yield from heapq.merge(*lists, key=lambda event: event.timestamp)

    def trim(self, now: float) -> int:
        """See `EventStore`; the number of events of a user is kept by `add`."""
        dropped, oldest = 0, now - self._bounds.seconds
        with self._errors():
            for key in self._keys():
                dropped += int(self._redis.zremrangebyscore(key, "-inf", f"({oldest!r}"))
        return dropped

    def check(self) -> list[str]:
        """See `EventStore`."""
        with self._errors():
            persistence: dict[str, Any] = self._redis.info("persistence")  # type: ignore[assignment]
            if persistence.get("aof_enabled"):
                return []
        return [
            f"{self._shown} keeps what it acknowledged in memory alone: events may be lost when it ends. "
            "What to do: `appendonly yes` and `appendfsync always` in redis.conf"
        ]

    def close(self) -> None:
        """See `EventStore`."""
        self._redis.close()

    def _keys(self) -> list[bytes]:
        return list(self._redis.scan_iter(f"{PREFIX}user:*", count=KEYS_AT_ONCE))

    def _of(self, key: bytes, begin: float, end: float) -> list[Event]:
        user = key.decode().removeprefix(f"{PREFIX}user:")
        members: list[bytes] = self._redis.zrange(key, repr(begin), f"({end!r}", byscore=True)  # type: ignore[assignment]
        return [_read(user, member) for member in members]

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            raise StoreError(f"{self._shown}: {error}") from error


def _written(event: Event) -> bytes:
    return orjson.dumps([event.item, event.event, event.timestamp, event.rating, event.id, event.request_id])


def _read(user: str, member: bytes) -> Event:
    return Event(user, *orjson.loads(member[_NUMBER:]))
