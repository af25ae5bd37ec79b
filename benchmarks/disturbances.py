"""What disturbs short requests: latencies before and while a version loads, and while long requests are computed.

    python -m benchmarks disturbances                       the large bundle (python -m benchmarks large_bundle)
    python -m benchmarks disturbances --model-base-path DIR another folder of versions

Four clients ask over REST for one user at a time, with a pause of about ten milliseconds between an answer and the next
request, so that the server is not full to begin with. Server and clients share the machine. A version is loaded twice;
the long requests have as many rows as the server takes, two at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from benchmarks.large_bundle import USERS, large_bundle_versions
from benchmarks.results_table import table
from benchmarks.serving import Server, ours, rest_body
from components.push.versions import newest, version_path

CLIENTS = 4
PAUSE_SECONDS = 0.01
BEFORE_SECONDS = 6.0
LONG_ROWS = 16_384


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-base-path", type=Path, help="folder of versions; default: the large bundle's")
    versions = (parser.parse_args().model_base_path or large_bundle_versions()).absolute()
    found = newest(versions)
    if found is None:
        raise SystemExit(f"there is no version in {versions}")
    with tempfile.TemporaryDirectory(dir=versions.parent) as scratch:
        base = Path(scratch)
        publish(version_path(versions, found), base, 1)
        with ours(base) as server:
            lines = asyncio.run(measured(server, base))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.\n")
    print(table(["short requests", "seconds", "requests", "p50 ms", "p99 ms", "largest ms"], lines))


def publish(bundle: Path, base: Path, version: int) -> None:
    """Puts a bundle into its place as a version, by links."""
    incoming = base / f".incoming-{version}"
    shutil.copytree(bundle, incoming, copy_function=os.link)
    incoming.rename(base / str(version))


class Clients:
    """Clients that ask until they are told to end.

    Attributes:
      answers: Time of the request and seconds to its answer.
    """

    def __init__(self, port: int) -> None:
        self.answers: list[tuple[float, float]] = []
        self._port = port

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Asks as long as the block lasts."""
        tasks = [asyncio.create_task(self._ask(number)) for number in range(CLIENTS)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while True:
            number += CLIENTS
            body = rest_body("retrieve", [str(1 + number % USERS)]).encode()
            started = time.perf_counter()
            await answer(reader, writer, body)
            self.answers.append((started, time.perf_counter() - started))
            await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))

    def line(self, name: str, begin: float, end: float) -> list[str]:
        """A line of the table, of what was asked in this time."""
        taken = sorted(seconds for started, seconds in self.answers if begin <= started < end)
        p50, p99, largest = (taken[min(len(taken) - 1, int(len(taken) * part))] * 1e3 for part in (0.5, 0.99, 1.0))
        return [name, f"{end - begin:.1f}", f"{len(taken):,}", f"{p50:.1f}", f"{p99:.1f}", f"{largest:.0f}"]


async def answer(reader: Any, writer: Any, body: bytes) -> bytes:
    """One request and the body of its answer."""
    head = f"POST /v1/models/recommender:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answered = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not answered.startswith(b"http/1.1 200 "):
        raise SystemExit(f"a request failed: {answered!r}")
    size = int(answered.partition(b"content-length:")[2].split()[0])
    return bytes(await reader.readexactly(size))


async def measured(server: Server, base: Path) -> list[list[str]]:
    """The lines of the table."""
    clients = Clients(server.ports["rest"])
    lines = []
    async with clients.asking():
        await asyncio.sleep(3)  # the first calls of a graph are slow
        for version in (2, 3):
            lines += await compared(clients, f"while version {version} loads", lambda v=version: swap(server, base, v))
        lines += await compared(clients, f"beside requests of {LONG_ROWS:,} rows", lambda: long_requests(server))
    return lines


async def compared(clients: Clients, name: str, disturb: Callable[[], Any]) -> list[list[str]]:
    """Two lines: before, and in the time of what disturbs."""
    begin = time.perf_counter()
    await asyncio.sleep(BEFORE_SECONDS)
    disturbed = time.perf_counter()
    await disturb()
    return [clients.line("before", begin, disturbed), clients.line(name, disturbed, time.perf_counter())]


async def swap(server: Server, base: Path, version: int) -> None:
    """Publishes a version and waits until the one before is gone."""
    publish(base / str(version - 1), base, version)
    while True:
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["rest"])
        writer.write(b"GET /v1/models/recommender HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        page = (await reader.read()).partition(b"\r\n\r\n")[2]
        writer.close()
        states = {one["version"]: one["state"] for one in json.loads(page)["model_version_status"]}
        if states.get(str(version)) == "AVAILABLE" and states[str(version - 1)] == "END":
            return


async def long_requests(server: Server) -> None:
    """Two clients with three long requests each."""

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["rest"], limit=1 << 20)
        body = rest_body("retrieve", [str(1 + number % USERS) for number in range(LONG_ROWS)]).encode()
        for _ in range(3):
            await answer(reader, writer, body)
        writer.close()

    await asyncio.gather(ask(), ask())


if __name__ == "__main__":
    main()
