"""The model server under load, beside servers that do nothing: throughput, latency, CPU a request, memory.

    make bench-serving                                  the large bundle (python -m benchmarks large_bundle)
    python -m benchmarks serving --model-base-path DIR  another folder of versions
    python -m benchmarks serving --write                puts the table into docs/results.md
    python -m benchmarks serving --soak 5               minutes of mixed load with swaps: is memory flat?

wrk (REST) and h2load (gRPC) make the load; both are in Debian: apt install wrk nghttp2-client. Server and load
share the machine. `CPU` is the server's, user and system, divided by its requests. gRPC latencies are of
every request; wrk's are its own percentiles. The in-process figures call the same signature in the same
session at the mean number of rows that calls had under load.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.large_bundle import large_bundle_versions, user_ids
from benchmarks.results_table import publish, table

TOOLS = {"wrk": "wrk", "h2load": "nghttp2-client"}
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local bodies, number = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
request = function() number = number % #bodies + 1; return wrk.format(nil, nil, nil, bodies[number]) end
"""
NAMES = {"rest": "REST", "grpc": "gRPC", "grpc-aio": "gRPC (asynchronous)"}
PREDICT = "/tensorflow.serving.PredictionService/Predict"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scenario:
    """A load.

    Attributes:
      api: rest, grpc, or grpc-aio: grpcio's asynchronous server where there is the choice.
      signature: What is asked; "" = the server that does nothing.
      clients: Connections, each with one request at a time.
      users: Users a request.
    """

    api: str
    signature: str
    clients: int
    users: int


SCENARIOS = (
    Scenario(api="rest", signature="", clients=32, users=1),
    Scenario(api="rest", signature="retrieve", clients=1, users=1),
    Scenario(api="rest", signature="retrieve", clients=32, users=1),
    Scenario(api="rest", signature="retrieve", clients=8, users=32),
    Scenario(api="rest", signature="serving_default", clients=1, users=1),
    Scenario(api="rest", signature="serving_default", clients=32, users=1),
    Scenario(api="rest", signature="serving_default", clients=8, users=32),
    Scenario(api="grpc", signature="", clients=1, users=1),
    Scenario(api="grpc-aio", signature="", clients=1, users=1),
    Scenario(api="grpc", signature="retrieve", clients=1, users=1),
    Scenario(api="grpc", signature="", clients=32, users=1),
    Scenario(api="grpc-aio", signature="", clients=32, users=1),
    Scenario(api="grpc", signature="retrieve", clients=32, users=1),
    Scenario(api="grpc", signature="serving_default", clients=32, users=1),
)

SOAK = (
    Scenario(api="rest", signature="retrieve", clients=32, users=1),
    Scenario(api="rest", signature="serving_default", clients=8, users=32),
    Scenario(api="grpc", signature="retrieve", clients=32, users=1),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """What a scenario gave.

    Attributes:
      requests: Answered with success.
      seconds: Duration.
      percentiles: 50, 90, 99 % of the latencies in milliseconds.
      cpu: Seconds of the server.
      rows: Mean rows of a call of the model; 0 = not known.
      failed: Requests that were not answered with success.
    """

    requests: int
    seconds: float
    percentiles: tuple[float, float, float]
    cpu: float
    rows: float
    failed: int


class Server:
    """A server in a process of its own."""

    def __init__(self, command: Sequence[str], ports: dict[str, int]) -> None:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the server
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT, env=environment)
        self.ports = ports
        for port in ports.values():
            self._wait(port)

    def _wait(self, port: int) -> None:
        until = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            if self._process.poll() is not None or time.monotonic() > until:
                self._log.seek(0)
                raise SystemExit(f"the server did not start:\n{self._log.read()}")
            time.sleep(0.2)

    def wait_until_ready(self) -> None:
        """Waits until the model is loaded and warmed up."""
        url = f"http://127.0.0.1:{self.ports['rest']}/v1/health/ready"
        while self._process.poll() is None:
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(url, timeout=120):
                return
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024  # type: ignore[union-attr]

    def counted(self, name: str) -> float:
        """The sum of a metric over its labels."""
        url = f"http://127.0.0.1:{self.ports['rest']}/monitoring/prometheus/metrics"
        with urllib.request.urlopen(url, timeout=120) as answer:
            page = answer.read().decode()
        found = re.findall(rf"^:tensorflow:serving:{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE)
        return sum(map(float, found))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-base-path", type=Path, help="folder of versions; default: the large bundle's")
    parser.add_argument("--seconds", type=int, default=8, help="of each load")
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES", help="mixed load instead of the table")
    parser.add_argument("--option", action="append", default=[], help="further option of recommender serve")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    check_tools()
    base = arguments.model_base_path or large_bundle_versions()
    if arguments.soak:
        name, text = "serving-soak", soak(base.absolute(), arguments.soak)
    else:
        name, text = "serving", report(base.absolute(), arguments.seconds, arguments.option)
    print(text)
    if arguments.write:
        publish(name, text)


def check_tools() -> None:
    """Ends with what to install where a load generator is missing."""
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"the load generators are missing; what to do: apt install {' '.join(missing)}")


def report(base: Path, seconds: int, options: Sequence[str]) -> str:
    """The table of all scenarios, and how the targets came out."""
    with tempfile.TemporaryDirectory() as scratch, ours(base, options) as server:
        folder = Path(scratch)
        (folder / "load.lua").write_text(SCRIPT)
        start_memory = server.memory_bytes()
        answers = real_answers(server, folder)
        measured = {}
        for scenario in SCENARIOS:
            target = contextlib.nullcontext(server) if scenario.signature else doing_nothing(scenario.api, answers)
            with target as asked:
                run(asked, scenario, 2, folder)  # the first calls of a graph are slow
                measured[scenario] = run(asked, scenario, seconds, folder)
        memory = server.memory_bytes()
    in_process = {s: users_in_process(base, s.signature, m.rows) for s, m in measured.items() if s.signature}
    lines = [line(scenario, found, in_process.get(scenario, 0.0)) for scenario, found in measured.items()]
    header = ["server", "clients × users", "requests/s", "users/s", "p50 ms", "p90 ms", "p99 ms", "CPU ms a request",
              "rows a call", "in process, users/s", "ratio"]  # fmt: skip
    return (
        f"{os.cpu_count()} cores shared with the load generator, {seconds} s each, bundles {os.path.relpath(base)}. "
        f"Memory of the server: {start_memory / 1e6:,.0f} MB after the start, {memory / 1e6:,.0f} MB after all loads."
        "\n\n"
        f"{table(header, lines)}\n\n{ratios(measured)}"
    )


def line(scenario: Scenario, found: Measured, in_process: float) -> list[str]:
    """One line of the table."""
    if found.failed:
        raise SystemExit(f"{found.failed} requests failed: {scenario}")
    users = found.requests * scenario.users / found.seconds
    name = f"{NAMES[scenario.api]} {scenario.signature or 'that does nothing'}"
    return [
        name,
        f"{scenario.clients} × {scenario.users}",
        f"{found.requests / found.seconds:,.0f}",
        f"{users:,.0f}",
        *(f"{value:.2f}" for value in found.percentiles),
        f"{found.cpu / max(1, found.requests) * 1e3:.3f}",
        f"{found.rows:.1f}" if found.rows else "",
        f"{in_process:,.0f}" if in_process else "",
        f"{users / in_process:.2f}" if in_process else "",
    ]


def ratios(measured: dict[Scenario, Measured]) -> str:
    """gRPC beside both servers that do nothing."""

    def rate(api: str, signature: str, clients: int) -> float:
        found = measured[Scenario(api=api, signature=signature, clients=clients, users=1)]
        return found.requests / found.seconds

    parts = []
    for api, name in (("grpc", "synchronous"), ("grpc-aio", "asynchronous")):
        one, many = (rate(api, "", clients) / max(1e-9, rate("grpc", "retrieve", clients)) for clients in (1, 32))
        parts.append(f"{one:.2f} at 1 client and {many:.2f} at 32 beside grpcio's {name} server")
    return (
        "gRPC `retrieve` answers 1/x of the requests of a gRPC server that does nothing (below 1: more of them), "
        f"x = {', '.join(parts)}."
    )


# Servers.


@contextlib.contextmanager
def ours(base: Path, options: Sequence[str] = ()) -> Iterator[Server]:
    """`recommender serve` on the folder."""
    ports = {"rest": free_port(), "grpc": free_port()}
    command = [str(Path(sys.executable).parent / "recommender"), "serve", "--model-base-path", str(base)]
    command += ["--rest-api-port", str(ports["rest"]), "--port", str(ports["grpc"]), *options]
    server = Server(command, ports)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def doing_nothing(api: str, answers: dict[str, Path]) -> Iterator[Server]:
    """A server that does nothing."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.do_nothing_servers", api, str(port), str(answers[api])]
    server = Server(command, {api: port})
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def real_answers(server: Server, folder: Path) -> dict[str, Path]:
    """The bytes of an answer of `retrieve`, by API."""
    import grpc

    url = f"http://127.0.0.1:{server.ports['rest']}/v1/models/recommender:predict"
    with urllib.request.urlopen(url, data=rest_body("retrieve", ["1"]).encode(), timeout=60) as answer:
        (folder / "rest.answer").write_bytes(answer.read())
    with grpc.insecure_channel(f"127.0.0.1:{server.ports['grpc']}") as channel:
        (folder / "grpc.answer").write_bytes(channel.unary_unary(PREDICT)(grpc_body("retrieve", ["1"]), timeout=60))
    return {"rest": folder / "rest.answer", "grpc": folder / "grpc.answer", "grpc-aio": folder / "grpc.answer"}


# Loads.


def run(server: Server, scenario: Scenario, seconds: float, folder: Path) -> Measured:
    """One load."""
    load = rest_load if scenario.api == "rest" else grpc_load
    before = calls(server) if scenario.signature else (0.0, 0.0, 0.0)
    cpu = server.cpu_seconds()
    requests, failed, taken, percentiles = load(server.ports[scenario.api], scenario, seconds, folder)
    cpu = server.cpu_seconds() - cpu
    after = calls(server) if scenario.signature else (0.0, 0.0, 0.0)
    number, rows, good = (b - a for a, b in zip(before, after, strict=True))
    if scenario.signature:
        failed += max(0, requests - round(good))  # h2load takes every answer of gRPC for a success
    return Measured(
        requests=requests,
        seconds=taken,
        percentiles=percentiles,
        cpu=cpu,
        rows=rows / number if number else 0,
        failed=failed,
    )


def calls(server: Server) -> tuple[float, float, float]:
    """Calls of the model, their rows, and requests that were answered."""
    return (
        server.counted("batch_size_count"),
        server.counted("batch_size_sum"),
        server.counted("request_latency_count"),
    )


Loaded = tuple[int, int, float, tuple[float, float, float]]


def rest_load(port: int, scenario: Scenario, seconds: float, folder: Path) -> Loaded:
    """Questions over REST."""
    bodies = [rest_body(scenario.signature, users) for users in questions(scenario.users)]
    return posts(f"http://127.0.0.1:{port}/v1/models/recommender:predict", bodies, scenario.clients, seconds, folder)


def posts(url: str, bodies: Sequence[str], clients: int, seconds: float, folder: Path) -> Loaded:
    """wrk: the bodies in turns, by so many connections."""
    file = folder / "bodies"
    file.write_text("\n".join(bodies))
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--latency", "-s", str(folder / "load.lua"), url]
    text = output(command, {"BODIES": str(file)})
    requests, taken = re.search(r"(\d+) requests in ([\d.]+)(?:s|m)", text).groups()  # type: ignore[union-attr]
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failed = int(wrong.group(1)) if wrong else 0
    failed += sum(map(int, broken.groups())) if broken else 0
    found = dict(re.findall(r"^\s+(50|90|99)%\s+(\S+)[ ]*$", text, re.MULTILINE))
    percentiles = (milliseconds(found["50"]), milliseconds(found["90"]), milliseconds(found["99"]))
    return int(requests), failed, float(taken), percentiles


def grpc_load(port: int, scenario: Scenario, seconds: float, folder: Path) -> Loaded:
    """h2load, a connection a client, one call at a time."""
    message = grpc_body(scenario.signature or "retrieve", questions(scenario.users)[0])
    body, log = folder / "body", folder / "log"
    body.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
    log.unlink(missing_ok=True)
    command = ["h2load", f"-D{seconds:.0f}", f"-c{scenario.clients}", "-m1", "-d", str(body), "--log-file", str(log)]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers", f"http://127.0.0.1:{port}{PREDICT}"]
    text = output(command)
    taken = float(re.search(r"finished in ([\d.]+)s", text).group(1))  # type: ignore[union-attr]
    lines = np.array([entry.split("\t") for entry in log.read_text().splitlines()], dtype=np.int64)
    if not len(lines):
        raise SystemExit(f"no call was answered:\n{text}")
    p50, p90, p99 = np.percentile(lines[:, 2] / 1e3, (50, 90, 99))
    return len(lines), int((lines[:, 1] != 200).sum()), taken, (float(p50), float(p90), float(p99))


def output(command: Sequence[str], more: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(more or {})})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[unit]


def questions(users: int) -> list[list[str]]:
    """Users of 500 requests, drawn at random."""
    draw = np.random.default_rng(1)
    return [list(map(str, draw.choice(user_ids(), users))) for _ in range(500)]


def rest_body(signature: str, users: Sequence[str]) -> str:
    return json.dumps({"signature_name": signature or "retrieve", "instances": list(users)})


def grpc_body(signature: str, users: Sequence[str]) -> bytes:
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "recommender", signature
    request.inputs["user_id"].dtype = 7
    request.inputs["user_id"].tensor_shape.dim.add(size=len(users))
    request.inputs["user_id"].string_val.extend(user.encode() for user in users)
    return bytes(request.SerializeToString())


def users_in_process(base: Path, signature: str, rows: float, seconds: float = 3.0) -> float:
    """Users a second of the signature in a session of this process, at so many rows a call."""
    call = session_call(base, signature)
    batch = max(1, round(rows))
    draw = np.random.default_rng(2)
    users = np.array([user.encode() for user in user_ids()], dtype=object)
    batches = [draw.choice(users, batch) for _ in range(32)]
    for one in batches[:5]:
        call(one)
    number, started = 0, time.perf_counter()
    while time.perf_counter() < started + seconds:
        call(batches[number % len(batches)])
        number += 1
    return number * batch / (time.perf_counter() - started)


_CALLS: dict[tuple[Path, str], object] = {}


def session_call(base: Path, signature: str):  # type: ignore[no-untyped-def]
    """The callable that the server itself uses."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from serving.metrics import Metrics
    from serving.models.servable import Servable, SessionConfig

    if (base, "") not in _CALLS:
        version = max(int(path.name) for path in base.iterdir() if path.name.isdigit())
        _CALLS[base, ""] = Servable("recommender", version, base / str(version), SessionConfig(), Metrics())
    servable = _CALLS[base, ""]
    assert isinstance(servable, Servable)
    return servable.target(servable.signature(signature), tuple(servable.signature(signature).outputs)).call


# Soak.


def soak(base: Path, minutes: float) -> str:
    """Memory of a server under mixed load, with a swap every twenty seconds and bad requests in between."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, served = Path(scratch), Path(scratch) / "served"
        served.mkdir()
        (folder / "load.lua").write_text(SCRIPT)
        newest = max((path for path in base.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
        publish_copy(newest, served, 1)
        with ours(served) as server:
            started, version, failed, requests = time.monotonic(), 1, 0, 0
            while time.monotonic() < started + 60 * minutes:
                version += 1
                swap = threading.Thread(target=swap_version, args=(newest, served, version))
                swap.start()
                for scenario in SOAK:
                    found = run(server, scenario, 6, folder)
                    failed, requests = failed + found.failed, requests + found.requests
                bad_requests(server)
                swap.join()
                rows.append([f"{time.monotonic() - started:,.0f}", f"{requests:,}", version - 1, failed,
                             f"{server.memory_bytes() / 1e6:,.0f}"])  # fmt: skip
    header = ["seconds", "requests", "swaps", "failed", "memory MB"]
    return table(header, rows)


def publish_copy(model: Path, served: Path, version: int) -> None:
    incoming = served / f".incoming-{version}"
    shutil.copytree(model, incoming)
    incoming.rename(served / str(version))


def swap_version(model: Path, served: Path, version: int) -> None:
    """The new version comes; the one before the last goes."""
    publish_copy(model, served, version)
    shutil.rmtree(served / str(version - 2), ignore_errors=True)


def bad_requests(server: Server) -> None:
    """What careless clients send; every answer is an error of theirs."""
    address = f"http://127.0.0.1:{server.ports['rest']}/v1/models/recommender:predict"
    for body in (b"", b"{", b'{"instances": [1]}', b'{"instances": [["a"]]}', b'{"inputs": {}}', b"[" * 10_000):
        try:
            urllib.request.urlopen(address, data=body, timeout=10)
        except urllib.error.HTTPError as error:
            assert 400 <= error.code < 500, error.code
        else:
            raise SystemExit(f"{body[:50]!r} was answered")


if __name__ == "__main__":
    main()
