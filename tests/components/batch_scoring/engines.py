"""Engines for tests: Prism as a server, worker pools as processes of their own, perhaps in another network."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]
SECONDS_TO_LISTEN = 120
FORWARD = """
import asyncio, sys
port, host = int(sys.argv[1]), sys.argv[2]
async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def client(reader, writer):
    back, to = await asyncio.open_connection(host, port)
    await asyncio.gather(copy(reader, to), copy(back, writer))
async def main():
    server = await asyncio.start_server(client, None, port)
    await server.serve_forever()
asyncio.run(main())
"""
"""What `ssh -L PORT:HOST:PORT HOST` does."""


@dataclasses.dataclass(frozen=True)
class Process:
    """A process that listens."""

    popen: subprocess.Popen[bytes]
    port: int

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return int(one.getsockname()[1])


def find_prism() -> Path:
    """Prism from PRISM, PATH or beside the checkout; else the test is skipped with the reason."""
    beside = ROOT / ".." / "shared" / "bin" / "prism"
    named = os.environ.get("PRISM") or shutil.which("prism") or (str(beside) if beside.is_file() else None)
    if named is None:
        pytest.skip("Prism, Beam's portable engine, is not here: name its binary in PRISM, or put it on PATH")
    return Path(named).resolve()


@contextlib.contextmanager
def listening(command: list[str | Path], port: int, log: Path, host: str = "localhost") -> Iterator[Process]:
    """Starts a process, waits until it listens and ends it with all its children."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the pool starts `python` from PATH
    with log.open("ab") as sink:
        popen = subprocess.Popen(command, stdout=sink, stderr=sink, env={**os.environ, "PATH": path}, cwd=ROOT)
    try:
        deadline = time.monotonic() + SECONDS_TO_LISTEN
        while not _listens(host, port):
            assert popen.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, f"{command} does not listen at {host}:{port}"
            time.sleep(0.2)
        yield Process(popen, port)
    finally:
        family = [popen.pid, *(child.pid for child in psutil.Process(popen.pid).children(recursive=True))]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        popen.wait()


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def prism_server(log: Path) -> Iterator[Process]:
    port = free_port()
    command = [find_prism(), f"--job_port={port}", "--serve_http=false", "--log_level=warn"]
    with listening(command, port, log) as process:
        yield process


@contextlib.contextmanager
def worker_pool(log: Path, *, inside: tuple[str, ...] = (), host: str = "localhost") -> Iterator[Process]:
    port = free_port()
    module = "apache_beam.runners.worker.worker_pool_main"
    with listening([*inside, sys.executable, "-m", module, f"--service_port={port}"], port, log, host) as process:
        yield process


@contextlib.contextmanager
def other_network() -> Iterator[tuple[tuple[str, ...], str, str]]:
    """A network of its own, joined to this one by a cable.

    Yields:
      How a command is started inside, the address of the inside, and that of the outside as seen from there.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network namespace needs root and iproute2")
    name = f"rec{os.getpid() % 10000}"
    inside = ("ip", "netns", "exec", name)
    steps = [
        ["ip", "netns", "add", name],
        ["ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name],
        ["ip", "addr", "add", "10.77.41.1/30", "dev", f"{name}a"],
        ["ip", "link", "set", f"{name}a", "up"],
        [*inside, "ip", "addr", "add", "10.77.41.2/30", "dev", f"{name}b"],
        [*inside, "ip", "link", "set", f"{name}b", "up"],
        [*inside, "ip", "link", "set", "lo", "up"],
    ]
    try:
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no network namespace here: {' '.join(step)}: {done.stderr.strip()}")
        yield inside, "10.77.41.2", "10.77.41.1"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
