"""`recommender serve`: answers over TensorFlow Serving's REST and gRPC API."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import InputError
from pipelines.cli.exit_codes import OK
from pipelines.cli.models import find_model
from pipelines.cli.option_types import WholeNumber
from pipelines.cli.paths import describe
from pipelines.quiet import quiet
from pipelines.run_folder import RunFolder
from serving.contract import MODEL_NAME, SAVED_MODEL_FILE

if TYPE_CHECKING:
    from serving.models_config import ModelConfig
    from serving.server import ModelServer

HIGHEST_PORT = 65_535


def _dashes(name: str) -> str:
    return name.replace("_", "-")


@click.command(context_settings={"token_normalize_func": _dashes})
@click.option("--model-base-path", help="A folder of versions, or a run's folder.  [default: pushed last under runs/]")
@click.option("--model-name", default=MODEL_NAME, show_default=True, help="Name under which the model is asked.")
@click.option("--model-config-file", help="A models.config file; --model-name and --model-base-path are ignored then.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 = every one.")
@click.option(
    "--rest-api-port", type=WholeNumber(0, HIGHEST_PORT), default=8501, show_default=True, help="0 = no REST."
)
@click.option("--port", type=WholeNumber(0, HIGHEST_PORT), default=8500, show_default=True, help="gRPC; 0 = none.")
@click.option("--file-system-poll-wait-seconds", type=WholeNumber(0), default=1, show_default=True, help="0 = once.")
def serve(
    model_base_path: str | None,
    model_name: str,
    model_config_file: str | None,
    host: str,
    rest_api_port: int,
    port: int,
    file_system_poll_wait_seconds: int,
) -> int:
    """Serve pushed models over TensorFlow Serving's REST and gRPC API."""
    if not rest_api_port and not port:
        raise InputError(
            "neither REST nor gRPC is served", expected="a port for one of them", action="leave one of the options out"
        )
    base_path, version = find_base_path(model_base_path) if model_config_file is None else (Path(), None)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for name in ("uvicorn.error", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    click.echo("Loading TensorFlow", err=True)
    with quiet():
        from serving.errors import ServingError
        from serving.models_config import ModelConfig, VersionPolicy, read_models_config
        from serving.server import ServerConfig
        from serving.server import serve as serve_until_signal
        from serving.versions import VersionsConfig
    try:
        models: tuple[ModelConfig, ...]
        if model_config_file is not None:
            models = read_models_config(Path(model_config_file))
        else:
            policy = VersionPolicy() if version is None else VersionPolicy(specific=frozenset({version}))
            models = (ModelConfig(name=model_name, base_path=base_path, policy=policy),)
        config = ServerConfig(
            models=models,
            host=host,
            rest_port=rest_api_port or None,
            grpc_port=port or None,
            versions=VersionsConfig(poll_seconds=file_system_poll_wait_seconds),
        )
        serve_until_signal(config, _print_addresses)
    except ServingError as error:
        raise InputError(str(error)) from error
    return OK


def find_base_path(text: str | None) -> tuple[Path, int | None]:
    """The folder of versions to watch, and the one version that is meant, if one is.

    Raises:
      InputError: There is no such folder.
    """
    if text is None:
        return find_model(None).parent, None
    path = Path(text).expanduser().absolute()
    if (path / SAVED_MODEL_FILE).is_file() and path.name.isdigit():
        return path.parent, int(path.name)
    if RunFolder(path).pushed_model.is_dir():
        return RunFolder(path).pushed_model, None
    if path.is_dir() and not (path / SAVED_MODEL_FILE).is_file():
        return path, None
    raise InputError(
        f"there is no folder of versions at {path}",
        expected="a folder of numbered versions, or a run's folder",
        received=describe(path),
        action="name runs/<preset>, or train one: recommender run",
    )


def _print_addresses(server: ModelServer) -> None:
    for line in server.description():
        click.echo(line)
