"""`recommender events`: days of a store as files, and people forgotten."""

from __future__ import annotations

import csv
import datetime

from serving.events.event import Event
from serving.events.store import open_store
from tests.end_to_end.command import recommender

DAY = datetime.date(2026, 11, 27)
MIDNIGHT = datetime.datetime.combine(DAY, datetime.time(), datetime.timezone.utc).timestamp()


def store_of(folder, *events):
    url = f"sqlite:///{folder}/events.db"
    store = open_store(url)
    store.add(list(events))
    store.close()
    return url


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_days_are_written_each_into_its_file(tmp_path):
    url = store_of(
        tmp_path,
        Event("a,b", "m1", "view", MIDNIGHT, None, "1", ""),
        Event("ü", "m2", "purchase", MIDNIGHT + 86_399.5, 4.5, "2", "r"),
        Event("c", "m3", "view", MIDNIGHT + 86_400, None, "3", ""),
        Event("d", "m4", "view", MIDNIGHT - 1, None, "4", ""),
    )
    pattern = f"{tmp_path}/out/{{YYYY}}/{{MM}}-{{DD}}.csv"

    done = recommender(
        "events", "export", "--event-store", url, "--day", DAY, "--until", "2026-11-29", "--output", pattern
    )

    assert done.code == 0, done.text
    header = ["user", "item", "event", "timestamp", "rating", "id", "request_id"]
    assert rows_of(tmp_path / "out" / "2026" / "11-27.csv") == [
        header,
        ["a,b", "m1", "view", str(MIDNIGHT), "", "1", ""],
        ["ü", "m2", "purchase", str(MIDNIGHT + 86_399.5), "4.5", "2", "r"],
    ]
    assert rows_of(tmp_path / "out" / "2026" / "11-28.csv") == [
        header,
        ["c", "m3", "view", str(MIDNIGHT + 86_400), "", "3", ""],
    ]
    assert rows_of(tmp_path / "out" / "2026" / "11-29.csv") == [header]
    assert "2 events of 2026-11-27" in done.out


def test_people_are_forgotten(tmp_path):
    url = store_of(tmp_path, *(Event("ann", f"m{n}", "view", MIDNIGHT + n, None, str(n), "") for n in range(3)))
    done = recommender("events", "erase", "--event-store", url, "--user", "ann", "--user", "bob")
    assert (done.code, done.out) == (0, "3 events of ann erased\n0 events of bob erased\n")


def test_what_cannot_be_exported_is_explained(tmp_path):
    url = store_of(tmp_path)
    place = ("--output", tmp_path / "all.csv")
    for words, options in (
        ("is not a day such as 2026-11-28", ("--day", "27.11.2026")),
        ("is before --day", ("--day", DAY, "--until", "2026-11-01")),
        ("several days cannot go into one file", ("--day", DAY, "--until", "2026-11-28")),
    ):
        done = recommender("events", "export", "--event-store", url, *options, *place)
        assert done.code == 2 and words in done.err, done.text
    done = recommender("events", "export", "--event-store", "mysql://x", *place)
    assert done.code == 2 and "sqlite:///events.db" in done.err
