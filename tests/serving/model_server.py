"""A model server in a process of its own: ours, or the real tensorflow_model_server."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.serving.client.scripted_servers import free_port
from tests.serving.models import CONFIG_FILE

START_SECONDS = 300  # on a machine that has other things to do


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelServer:
    """A server that runs.

    Attributes:
      rest: Its address, `http://host:port`.
      grpc: Its address, `host:port`.
      is_ours: Whether it is ours; what we do on purpose otherwise is expected of it then.
      pid: Its process, where the tests started it.
    """

    rest: str
    grpc: str
    is_ours: bool
    pid: int | None


@contextlib.contextmanager
def running_server(models: Path, log: Path, binary: str | None, *options: str):
    """Starts a server on the models and waits until it answers for each.

    Args:
      models: Folder with models.config.
      log: File of what it writes.
      binary: A tensorflow_model_server; None = ours.
      options: Further ones.
    """
    rest, grpc = free_port(), free_port()
    command = [binary] if binary else [sys.executable, "-c", "from pipelines.cli.main import main; main()", "serve"]
    command += [f"--model_config_file={models / CONFIG_FILE}", f"--rest_api_port={rest}", f"--port={grpc}"]
    command += ["--allow_version_labels_for_unavailable_models"]  # the labels of a first configuration
    if binary:
        command += [f"--monitoring_config_file={_monitoring(models)}"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], stdout=output, stderr=output, env=_environment())
    try:
        _wait(process, f"http://127.0.0.1:{rest}", log)
        yield ModelServer(
            rest=f"http://127.0.0.1:{rest}", grpc=f"127.0.0.1:{grpc}", is_ours=not binary, pid=process.pid
        )
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


def _monitoring(models: Path) -> Path:
    path = models / "monitoring.config"
    path.write_text('prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }', encoding="utf-8")
    return path


def _wait(process: subprocess.Popen[bytes], rest: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        with contextlib.suppress(httpx.TransportError):
            names = ("calculator", "recommender")
            answers = [httpx.get(f"{rest}/v1/models/{name}", timeout=5) for name in names]
            if all(answer.status_code == 200 and '"LOADING"' not in answer.text for answer in answers) and all(
                "AVAILABLE" in answer.text for answer in answers
            ):
                return
        time.sleep(0.1)
    raise AssertionError(f"the server did not answer in time:\n{log.read_text(errors='replace')}")
