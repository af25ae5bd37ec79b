"""Flink's and Spark's job server, a Java process that takes Beam's jobs to them: one for all jobs of a run.

Beam itself starts one for every job, and a run has a dozen.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from components.beam import engines
from components.errors import InputError


@contextlib.contextmanager
def shared(arguments: Sequence[str]) -> Iterator[Sequence[str]]:
    """Starts the job server where Beam would, and ends it with the block.

    Args:
      arguments: Beam's options.

    Yields:
      The options that name it; those given where they name one already, or an engine that has none.

    Raises:
      InputError: It cannot be started.
    """
    found = _server(arguments)
    if found is None:
        yield arguments
        return
    server, endpoint = found
    try:
        server.start()
    except Exception as error:  # Beam raises what the process, the download of the jar and gRPC raise
        raise InputError(
            f"the job server of {engines.runner(arguments)} cannot be started: {error}",
            expected="Java, and the jar of the job server, which Beam downloads from Maven Central",
            received=" ".join(arguments),
            action="install Java, or name the jar (--flink_job_server_jar=FILE, --spark_job_server_jar=FILE), or start "
            "a job server and name it: --job_endpoint=HOST:PORT",
        ) from error
    try:
        yield [*arguments, f"--job_endpoint={endpoint}"]
    finally:
        server.stop()


def _server(arguments: Sequence[str]) -> tuple[Any, str] | None:
    """The server that Beam would start for a job of these options, and where it will listen; None: it starts none."""
    runner = engines.runner(arguments)
    if runner not in engines.CLUSTERS or engines.option(arguments, "job_endpoint"):
        return None
    if any(argument.endswith("_submit_uber_jar") for argument in arguments):
        return None
    from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
    from apache_beam.runners.portability.flink_runner import FlinkJarJobServer, FlinkRunner
    from apache_beam.runners.portability.spark_runner import SparkJarJobServer

    port = int(engines.option(arguments, "job_port") or 0) or _free_port()
    options = PipelineOptions([*arguments, f"--job_port={port}"])
    if runner == "FlinkRunner":
        flink = options.view_as(FlinkRunnerOptions)
        flink.flink_master = FlinkRunner.add_http_scheme(flink.flink_master)
    server = FlinkJarJobServer(options) if runner == "FlinkRunner" else SparkJarJobServer(options)
    return server, f"localhost:{port}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])
