"""What an event store and a request log cost answers, and how many events a server keeps: beside a server without.

    python -m benchmarks events                         SQLite and, where it runs, Redis on its usual port
    python -m benchmarks events --model-base-path DIR   another folder of versions than the demo's
    python -m benchmarks events --write                 puts the table into docs/results.md

Servers run at once and are asked in turns, a load each, so that ratios are of the same minutes. Of none, some or
all of the people who are asked for the store has events. Where all have some, the same lists are also asked of the
server without a store, by requests that tell the whole history: what is left of the difference is the store's part.
wrk makes the load on the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import statistics
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.results_table import publish, table
from benchmarks.serving import SCRIPT, Server, check_tools, ours, posts, rest_body
from serving.contract import CATALOGUE_FILE, EXTRA_ASSETS
from serving.events.merging import NARROWEST

REDIS = "redis://127.0.0.1:6379/15"
SHARES = (0.0, 0.1, 1.0)
"""Of the people who are asked for: how many have events."""
WITHOUT = "without a store"
TOLD = "without a store, histories in the requests"
LOGS = {"a log of all requests": 1.0, "a log of every tenth": 0.1}
"""Of servers without a store: the share that is logged."""
EVENTS_EACH = 5
CLIENTS = 32


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-base-path", type=Path, default=Path("runs/demo/pushed_model"))
    parser.add_argument("--seconds", type=int, default=6, help="of each load")
    parser.add_argument("--rounds", type=int, default=3, help="the median of them is told")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    check_tools()
    text = report(arguments.model_base_path.absolute(), arguments.seconds, arguments.rounds)
    print(text)
    if arguments.write:
        publish("events", text)


def report(base: Path, seconds: int, rounds: int) -> str:
    """The table of answers and of events."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        (folder / "load.lua").write_text(SCRIPT)
        servers: dict[str, Server] = {WITHOUT: stack.enter_context(ours(base))}
        kinds = dict(stores(folder))
        for name, url in kinds.items():
            servers[name] = stack.enter_context(ours(base, ["--event-store", url]))
        for name, rate in LOGS.items():
            options = ["--request-log", str(folder / f"log-{rate}"), "--request-log-sampling-rate", str(rate)]
            servers[name] = stack.enter_context(ours(base, options))
        users, items = known(base)
        lines = []
        for share in SHARES:
            for name in kinds:
                give_events(servers[name], users[: round(len(users) * share)], items)
            loaded = servers if share == 0 else {name: servers[name] for name in (WITHOUT, *kinds)}
            told = [histories_told(servers[WITHOUT], user, items) for user in users] if share == 1 else None
            lines += asked(loaded, users, share, seconds, rounds, folder, told)
        kept = [line for name in kinds for line in taken(name, servers[name], items, seconds, folder)]
    answers = table(
        ["server", "people with events", "requests/s", "of the rate without", "p50 ms", "p99 ms", "CPU ms a request"],
        lines,
    )
    events = table(["store", "events a request", "events/s", "p50 ms", "p99 ms", "CPU ms of the server an event"], kept)
    return (
        f"{os.cpu_count()} cores shared with the load generator and the store, `serving_default` over REST, {CLIENTS} "
        f"clients, {seconds} s a load, median of {rounds} rounds in turns, {len(users)} people, {EVENTS_EACH} events "
        f"each, bundles {os.path.relpath(base)}.\n\n{answers}\n\n`POST /v1/events`, {CLIENTS} clients:\n\n{events}"
    )


def stores(folder: Path) -> Iterator[tuple[str, str]]:
    """Names and URLs of the stores that are there."""
    yield "SQLite", f"sqlite:///{folder}/events.db"
    with contextlib.suppress(Exception):
        import redis

        redis.Redis.from_url(REDIS).flushdb()
        yield "Redis", REDIS


def known(base: Path) -> tuple[list[str], list[str]]:
    """Some people and items of the newest version."""
    newest = max((path for path in base.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    catalogue = json.loads((newest / EXTRA_ASSETS / CATALOGUE_FILE).read_text())
    return catalogue["users"], [item["id"] for item in catalogue["items"]]


def give_events(server: Server, users: Sequence[str], items: Sequence[str]) -> None:
    """Events of these people; those that are there already count once."""
    chosen = random.Random(1)
    events = [
        {"user": user, "item": chosen.choice(items), "id": f"{user}-{number}"}
        for user in users
        for number in range(EVENTS_EACH)
    ]
    for start in range(0, len(events), 500):
        send(server, events[start : start + 500])


def send(server: Server, events: Sequence[object]) -> None:
    """Posts events."""
    body = json.dumps({"events": events}).encode()
    url = f"http://127.0.0.1:{server.ports['rest']}/v1/events"
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        answer.read()


def histories_told(server: Server, user: str, items: Sequence[str]) -> str:
    """The body of a request for a person's list that tells the stored history with as many events behind it.

    It is filled up to a power of 2 in front, as the server does with histories that it puts together.
    """
    body = json.dumps({"signature_name": "history", "inputs": {"user_id": [user]}}).encode()
    url = f"http://127.0.0.1:{server.ports['rest']}/v1/models/recommender:predict"
    with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
        found = json.loads(answer.read())["outputs"]
    pairs = [(item, rating) for item, rating in zip(found["item_ids"][0], found["ratings"][0], strict=True) if item]
    pairs += [(item, 0.0) for item in random.Random(user).sample(items, EVENTS_EACH)]
    width = max(NARROWEST, 1 << (len(pairs) - 1).bit_length())
    pairs = [("", 0.0)] * (width - len(pairs)) + pairs
    empty = dict.fromkeys(("allow_item_ids", "context", "exclude_item_ids", "filters", "user_features"), ())
    history = {"history_item_ids": [item for item, _ in pairs], "history_ratings": [rating for _, rating in pairs]}
    asked_for = {"user_id": user, "n": 0, **history, **empty}
    return json.dumps({"signature_name": "recommend", "instances": [asked_for]})


def asked(
    servers: dict[str, Server],
    users: Sequence[str],
    share: float,
    seconds: int,
    rounds: int,
    folder: Path,
    told: Sequence[str] | None,
) -> list[list[str]]:
    """Lines of the table: every server under the same load, in turns, and the one without under `told`."""
    bodies = [rest_body("serving_default", [user]) for user in users]
    loads = {name: (server, bodies) for name, server in servers.items()}
    if told is not None:
        loads[TOLD] = (servers[WITHOUT], told)
    found: dict[str, list[Load]] = {name: [] for name in loads}
    for server, posted in loads.values():
        load(server, "models/recommender:predict", posted, 2, folder)
    for _ in range(rounds):
        for name, (server, posted) in loads.items():
            found[name].append(load(server, "models/recommender:predict", posted, seconds, folder))
    rates = {name: [one.rate for one in ones] for name, ones in found.items()}
    base = rates[WITHOUT]
    return [
        [
            name,
            "" if name in (WITHOUT, TOLD) or name in LOGS else f"{share:.0%}",
            f"{statistics.median(rates[name]):,.0f}",
            f"{np.median(np.divide(rates[name], base)):.2f}",
            *(f"{statistics.median(one.percentiles[place] for one in ones):.1f}" for place in (0, 2)),
            f"{statistics.median(one.cpu for one in ones):.3f}",
        ]
        for name, ones in found.items()
    ]


def taken(name: str, server: Server, items: Sequence[str], seconds: int, folder: Path) -> Iterator[list[str]]:
    """Lines of the table: events that a server keeps."""
    chosen = random.Random(2)
    for size in (1, 20):
        bodies = [
            json.dumps(
                {"events": [{"user": f"u{chosen.randrange(5000)}", "item": chosen.choice(items)} for _ in range(size)]}
            )
            for _ in range(500)
        ]
        one = load(server, "events", bodies, seconds, folder)
        latencies = (f"{one.percentiles[place]:.1f}" for place in (0, 2))
        yield [name, str(size), f"{one.rate * size:,.0f}", *latencies, f"{one.cpu / size:.3f}"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """What a load gave.

    Attributes:
      rate: Requests a second.
      percentiles: 50, 90 and 99 % of the latencies in milliseconds.
      cpu: Milliseconds of the server a request.
    """

    rate: float
    percentiles: tuple[float, float, float]
    cpu: float


def load(server: Server, path: str, bodies: Sequence[str], seconds: int, folder: Path) -> Load:
    """One load; every request must succeed."""
    before = server.cpu_seconds()
    number, failed, taken, percentiles = posts(
        f"http://127.0.0.1:{server.ports['rest']}/v1/{path}", bodies, CLIENTS, seconds, folder
    )
    if failed:
        raise SystemExit(f"{failed} of {number} requests to /v1/{path} failed")
    return Load(rate=number / taken, percentiles=percentiles, cpu=(server.cpu_seconds() - before) / number * 1e3)
