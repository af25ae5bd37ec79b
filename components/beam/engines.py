"""The engine that a job runs on: Beam's own options, looked at before anything is started; its words; its end.

An engine that does not answer makes Beam wait for ever, or crash with a stack of Go routines; here it is
a message that says who does not listen where. And Flink goes on with a job whose client has gone, unless it is told.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from components.beam import flink
from components.causes import cause_of
from components.errors import InputError
from components.progress import warn

IN_MEMORY = ("--runner=FnApiRunner",)  # Beam's own default looks for an engine on the internet first
SECONDS_TO_ANSWER = 5.0
ON_THIS_MACHINE = ("FnApiRunner", "DirectRunner", "PrismRunner")
CLUSTERS = ("FlinkRunner", "SparkRunner")  # workers are elsewhere: what this host lacks may be there

WORKER_LOST = "a worker was lost in the middle of the job: killed, out of memory, or off the net"
MEANINGS = {
    "Insufficient number of network buffers": "Flink has too few network buffers: raise "
    "taskmanager.memory.network.max, or lower taskmanager.network.sort-shuffle.min-buffers (docs/flink.md)",
    "finishConnect(..) failed": "a task manager found no worker pool: one must run on every task manager's host",
    "remote task manager was lost": "a task manager was lost in the middle of the job: killed, out of memory, or off "
    "the net",
    "CANCELLED: client cancelled": WORKER_LOST,
    "SDK worker disconnected": WORKER_LOST,
    "ConnectException: Connection refused": "the Flink master{master} does not answer any more",
    "StatusCode.UNAVAILABLE": "the job server does not answer any more",
}
"""What an engine's words mean, by what they contain; the first that fits."""


def parse(options: Iterable[str]) -> list[str]:
    """Options as given on the command line: each may hold several, quoted as for a shell."""
    return [part for option in options for part in shlex.split(option)]


def resolve(options: Sequence[str]) -> list[str]:
    """The options of a job: in memory unless an engine is named, and Prism where it lies.

    Raises:
      InputError: Prism is asked for and is not there.
    """
    arguments = list(options)
    runner = option(arguments, "runner")
    if runner is None:
        return [*IN_MEMORY, *arguments]
    if runner == "PrismRunner" and not option(arguments, "prism_location") and not option(arguments, "job_endpoint"):
        return [*arguments, f"--prism_location={_prism()}"]
    return arguments


def named(arguments: Sequence[str], name: str) -> list[str]:
    """The options with a name for the job by which `end` finds it again, behind the name that they give it.

    Args:
      arguments: Resolved options.
      name: What nobody else calls a job.
    """
    given = option(arguments, "job_name")
    return [*arguments, f"--job_name={given or 'recommender'}-{name}"]


def end(arguments: Sequence[str]) -> None:
    """Cancels the job of these options where it still runs at a Flink master; other engines do it by themselves.

    What cannot be cancelled is told in a warning.

    Args:
      arguments: Options that `named` has made.
    """
    master, job = flink_master(arguments), option(arguments, "job_name")
    if master is None or job is None:
        return
    try:
        flink.cancel(master, job)
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        warn("the job %s could not be cancelled at the Flink master %s (%s): cancel it there", job, master, error)


@contextlib.contextmanager
def nothing_left(arguments: Sequence[str]) -> Iterator[None]:
    """Ends what an earlier process has left of these jobs, and the job that runs when the block fails.

    Args:
      arguments: Options that `named` has made.
    """
    end(arguments)
    try:
        yield
    except BaseException:
        end(arguments)
        raise


def told(error: BaseException, arguments: Sequence[str] = ()) -> str:
    """An engine's error in a line: what it means where that is known, and the telling line of its text.

    Args:
      error: The error.
      arguments: Options of the job.
    """
    said, text, master = cause_of(error), str(error), flink_master(arguments)
    meaning = next((words for sign, words in MEANINGS.items() if sign in text), "")
    return f"{meaning.format(master=f' {master}' if master else '')} ({said})" if meaning else said


def flink_master(arguments: Sequence[str]) -> str | None:
    """Address of Flink's REST API; None where no Flink elsewhere is named."""
    master = option(arguments, "flink_master")
    return master if master and ":" in master and not master.startswith("[") else None


def option(arguments: Sequence[str], name: str) -> str | None:
    """The value of an option, given as `--name=value` or `--name value`; the last one counts."""
    found = None
    for position, argument in enumerate(arguments):
        if argument.startswith(f"--{name}="):
            found = argument.partition("=")[2]
        elif argument == f"--{name}" and position + 1 < len(arguments):
            found = arguments[position + 1]
    return found


def for_tfx(options: Sequence[str]) -> tuple[str, ...]:
    """The options of a pipeline's Beam stages, as `resolve` makes them.

    Where no worker is started from a container, an image is named that nobody looks for: TFX would
    otherwise pack its sources for such workers, seconds a stage.
    """
    arguments = resolve(options)
    environment = option(arguments, "environment_type") or ""
    on_this_machine = runner(arguments) in ON_THIS_MACHINE
    if option(arguments, "sdk_container_image") is None and (
        environment in ("LOOPBACK", "EXTERNAL") or (on_this_machine and not environment)
    ):
        arguments.append("--sdk_container_image=unused")
    return tuple(arguments)


def runner(arguments: Sequence[str]) -> str | None:
    """The runner that the options name."""
    return option(arguments, "runner")


def name(arguments: Sequence[str]) -> str:
    """The engine in a word, with the environment of its workers where that is named."""
    environment = option(arguments, "environment_type")
    return (option(arguments, "runner") or "FnApiRunner") + (f", {environment} workers" if environment else "")


def check(arguments: Sequence[str]) -> None:
    """Looks whether everybody listens whom the options name.

    Raises:
      InputError: Nobody listens at the job endpoint, at the worker pool or at the Flink master.
    """
    endpoint = option(arguments, "job_endpoint")
    if endpoint:
        _require_listener(
            endpoint, "job server", "--job_endpoint", "start it, for instance: .venv/bin/prism --job_port 8073"
        )
    pool = _pool(option(arguments, "environment_config") or "")
    if option(arguments, "environment_type") == "EXTERNAL" and pool:
        _check_pool(pool, elsewhere=runner(arguments) in CLUSTERS)
    master = flink_master(arguments)
    if master:
        _require_listener(master, "Flink master", "--flink_master", "start Flink, or correct the address")


def _check_pool(pool: str, *, elsewhere: bool) -> None:
    """Raises an InputError, or warns where workers look for the pool on other hosts than this one."""
    try:
        _require_listener(
            pool,
            "worker pool",
            "--environment_config",
            "start it on the worker's machine, with this project installed there: "
            "python -m apache_beam.runners.worker.worker_pool_main --service_port=50000",
        )
    except InputError as error:
        if not elsewhere:
            raise
        warn("%s, as this host sees it; the hosts of the workers need one", error.what)


def _pool(config: str) -> str:
    """Address of the worker pool: Beam takes it bare, or as `{"url": …}`."""
    if not config.startswith("{"):
        return config
    with contextlib.suppress(ValueError):
        return str(json.loads(config).get("url", ""))
    return ""


def _prism() -> str:
    beside = Path(sys.executable).with_name("prism")
    prism = str(beside) if beside.is_file() else shutil.which("prism")
    if prism is None or not os.access(prism, os.X_OK):
        raise InputError(
            "Prism is not on this machine",
            expected=f"{beside}, or prism on PATH",
            action=f"get it from Beam's releases ({version('apache-beam')}), or name one: --prism_location=FILE",
        )
    return prism


def _require_listener(address: str, who: str, option: str, action: str) -> None:
    host, _, port = address.removeprefix("http://").removeprefix("https://").rpartition(":")
    received = f"{option}={address}"
    if not host or not port.isdigit():
        raise InputError(
            f"cannot read the address of the {who}", expected="HOST:PORT", received=received, action="correct it"
        )
    try:
        with contextlib.closing(socket.create_connection((host, int(port)), SECONDS_TO_ANSWER)):
            pass
    except OSError as error:
        raise InputError(
            f"no {who} listens at {address}",
            expected=f"an answer within {SECONDS_TO_ANSWER:.0f} seconds",
            received=f"{received}: {error.strerror or error}",
            action=action,
        ) from None
