"""Every store keeps, orders, bounds and forgets events in the same way."""

from __future__ import annotations

import threading

import pytest

from serving.errors import InvalidRequestError
from serving.events.event import Event
from serving.events.store import Bounds, StoreError, open_store
from tests.serving.events.stores import store_url

DAY = 86_400.0


def event(user, item, timestamp, **more):
    fields = {"event": "view", "rating": None, "id": f"{user}-{item}-{timestamp}", "request_id": ""} | more
    return Event(user=user, item=item, timestamp=float(timestamp), **fields)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def url(request, tmp_path):
    with store_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def store(url):
    store = open_store(url, Bounds(days=10, per_user=4))
    yield store
    store.close()


def items(store, user, most=100, kinds=()):
    (events,) = store.latest([user], most, kinds)
    return [one.item for one in events]


def test_events_come_back_as_they_were_given(store):
    told = [
        event("ann", "m1", 100.25, rating=4.5, request_id="r-1", event="rating"),
        event("Ünï 🎬", "a'b\"c\\", 101, id="x" * 64),
    ]

    assert store.add(told) == [True, True]

    assert store.latest(["ann", "nobody", "Ünï 🎬"], 10) == [[told[0]], [], [told[1]]]


def test_order_is_by_time_and_by_arrival_among_equals(store):
    store.add([event("ann", "late", 300), event("ann", "b", 200), event("ann", "a", 200)])
    store.add([event("ann", "first", 100)])

    assert items(store, "ann") == ["first", "b", "a", "late"]
    assert items(store, "ann", most=2) == ["a", "late"]


def test_an_id_counts_once_within_a_request_and_between_requests(store):
    first = event("ann", "m1", 100, id="one")

    assert store.add([first, first._replace(item="m2")]) == [True, False]
    assert store.add([first, event("ann", "m3", 101)]) == [False, True]

    assert items(store, "ann") == ["m1", "m3"]


def test_nothing_is_nothing(store):
    assert (store.add([]), store.latest([], 10), list(store.between(0, 1e12))) == ([], [], [])


def test_kinds_that_count(store):
    store.add([event("ann", f"m{n}", n, event="view" if n % 2 else "purchase") for n in range(4)])

    assert items(store, "ann", kinds=["purchase"]) == ["m0", "m2"]
    assert items(store, "ann", most=1, kinds=["purchase", "view"]) == ["m3"]


def test_forgetting_a_user_leaves_others_and_frees_the_ids(store):
    told = [event("ann", "m1", 100), event("ann", "m2", 101, rating=2.0), event("bob", "m1", 102)]
    store.add(told)

    assert store.erase("ann") == 2
    assert store.erase("ann") == 0

    assert (items(store, "ann"), items(store, "bob")) == ([], ["m1"])
    assert store.add(told) == [True, True, False]


def test_all_events_of_a_time(store):
    told = [event("ann", "m1", 100), event("bob", "m2", 150), event("ann", "m3", 199.5), event("bob", "m4", 200)]
    store.add(told)

    assert list(store.between(100, 200)) == told[:3]
    assert list(store.between(101, 101)) == []


def test_bounds_keep_the_newest(store):
    now = 20 * DAY
    store.add([event("ann", f"m{n}", now - 5 + n) for n in range(6)] + [event("bob", "old", now - 11 * DAY)])

    store.trim(now)

    assert items(store, "ann") == ["m2", "m3", "m4", "m5"]
    assert items(store, "bob") == []


def test_twenty_writers_beside_readers_lose_and_double_nothing(url):
    """Each event is sent twice; what a writer was told is new is there at once for a reader."""
    store = open_store(url, Bounds())
    faults, new = [], []

    def write(number):
        try:
            for step in range(10):
                sent = [event(f"u{number}", f"m{step}-{n}", step, id=f"{number}-{step}-{n}") for n in range(3)]
                new.append(sum(store.add(sent)) + sum(store.add(sent)))
                assert len(store.latest([f"u{number}"], 100)[0]) == 3 * (step + 1)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [len(events) for events in store.latest([f"u{number}" for number in range(20)], 100)]
    store.close()

    assert not faults
    assert (sum(new), found) == (600, [30] * 20)


def test_two_servers_share_a_store(url):
    one, other = open_store(url), open_store(url)

    one.add([event("ann", "m1", 100)])
    assert items(other, "ann") == ["m1"]
    other.erase("ann")
    assert items(one, "ann") == []

    one.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://x/y", "sqlite:///events.db, postgresql://"),
        ("sqlite://", "expected a file"),
        ("sqlite:////no/such/folder/events.db", "there is no folder /no/such/folder"),
        ("ftp://me:secret@host/x", "Received: ftp://me:…@host/x"),
    ],
)
def test_urls_that_name_no_store(url, words):
    with pytest.raises(InvalidRequestError, match=words):
        open_store(url)


@pytest.mark.parametrize("url", ["postgresql://u:secret@127.0.0.1:1/x", "redis://:secret@127.0.0.1:1/0"])
def test_a_store_that_is_not_there_is_named_without_its_password(url):
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)
