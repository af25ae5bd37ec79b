"""`recommender serve`: answers over TensorFlow Serving's REST and gRPC API.

The options are those of tensorflow_model_server, with dashes or underscores; those at the end are ours.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.errors import InputError
from pipelines.cli.exit_codes import OK
from pipelines.cli.models import find_model
from pipelines.cli.option_types import WholeNumber
from pipelines.cli.paths import describe
from pipelines.local_run.run_folder import RunFolder, require_folder
from pipelines.terminal.quiet import quiet
from serving.contract import MODEL_NAME, SAVED_MODEL_FILE

if TYPE_CHECKING:
    from serving.rest.app import RestConfig
    from serving.server import ModelServer, ServerConfig

PORT = WholeNumber(0, 65_535)
LONG_CALLS = 4
"""Requests of the most rows that may wait at once, and as many more shorter ones."""
LEVELS = ("debug", "info", "warning", "error")

NOT_HERE = {
    "batch-timeout-micros": "requests are merged greedily, nothing waits; see --batching-parameters-file",
    "enable-per-model-batching-parameters": "one --batching-parameters-file holds for all models",
    "enable-profiler": "there is no profiler service",
    "enable-signature-method-name-check": "signatures are told apart by their inputs and outputs",
    "flush-filesystem-caches": "the operating system looks after its caches",
    "grpc-socket-path": "gRPC listens on TCP; name a --port",
    "mixed-precision": "the bundle is run as it was trained",
    "num-tflite-interpreters-per-pool": "TensorFlow Lite models are not served",
    "num-tflite-pools": "TensorFlow Lite models are not served",
    "num-unload-threads": "versions are freed in threads of their own",
    "per-process-gpu-memory-fraction": "models run on the CPU",
    "platform-config-file": "every model is a SavedModel",
    "prefer-tflite-model": "TensorFlow Lite models are not served",
    "remove-unused-fields-from-bundle-metagraph": "they are never kept",
    "rest-api-num-threads": "REST runs on one event loop; num_batch_threads of --batching-parameters-file says how "
    "many calls run at once",
    "skip-initialize-tpu": "models run on the CPU",
    "tensorflow-session-config-file": "use --tensorflow-intra-op-parallelism and --tensorflow-inter-op-parallelism",
    "thread-pool-factory-config-file": "use --tensorflow-intra-op-parallelism and --tensorflow-inter-op-parallelism",
    "use-alts-credentials": "use --tls-certificate and --tls-key",
    "xla-cpu-compilation-enabled": "models run as they were saved",
}
"""Options of tensorflow_model_server that this server does not have, and what holds instead."""


def _dashes(name: str) -> str:
    return name.replace("_", "-")


class _ServeCommand(click.Command):
    """Says why an option of tensorflow_model_server is missing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for argument in args:
            name = _dashes(argument.split("=", 1)[0]).removeprefix("--")
            if argument.startswith("--") and name in NOT_HERE:
                raise click.UsageError(f"--{name} of tensorflow_model_server is not one of ours: {NOT_HERE[name]}", ctx)
        return super().parse_args(ctx, args)


def _switch(name: str, default: bool, text: str) -> Any:
    """An option that stands alone or has a value, `--x` and `--x=false`, as TensorFlow's flags do."""
    return click.option(
        f"--{name}", type=bool, is_flag=False, flag_value=True, default=default, metavar="[true|false]", help=text
    )


@click.command(cls=_ServeCommand, context_settings={"token_normalize_func": _dashes, "max_content_width": 110})
@click.option("--model-base-path", help="A folder of versions, or a run's folder.  [default: pushed last under runs/]")
@click.option("--model-name", default=MODEL_NAME, show_default=True, help="Name under which the model is served.")
@click.option(
    "--model-config-file", help="Several models, a ModelServerConfig; the two options above are ignored then."
)
@click.option(
    "--model-config-file-poll-wait-seconds",
    type=WholeNumber(0),
    default=0,
    help="Seconds between readings of that file; 0 = read it once.",
)
@click.option("--rest-api-port", type=PORT, default=8501, show_default=True, help="Port of REST; 0 = no REST.")
@click.option("--port", type=PORT, default=8500, show_default=True, help="Port of gRPC; 0 = no gRPC.")
@click.option(
    "--rest-api-timeout-in-ms",
    type=WholeNumber(1),
    default=30_000,
    show_default=True,
    help="Longest time that an answer may take.",
)
@_switch("rest-api-enable-cors-support", False, "Allow requests from web pages of other origins (CORS).")
@click.option("--file-system-poll-wait-seconds", type=WholeNumber(0), default=1, show_default=True,
              help="Seconds between looks for new versions; 0 = look once.")  # fmt: skip
@click.option(
    "--max-num-load-retries",
    type=WholeNumber(0),
    default=5,
    show_default=True,
    help="How many times a version that failed to load is tried again.",
)
@click.option("--load-retry-interval-micros", type=WholeNumber(0), default=60_000_000, show_default=True)
@_switch("allow-version-labels-for-unavailable-models", False, "Labels may name versions that are not loaded yet.")
@_switch("enable-batching", True, "Merge requests that wait.")
@click.option(
    "--batching-parameters-file", help="A BatchingParameters file; only max_batch_size and two more have an effect."
)
@click.option("--tensorflow-session-parallelism", type=WholeNumber(0), default=0, help="Sets the next two options.")
@click.option("--tensorflow-intra-op-parallelism", type=WholeNumber(0), default=0, help="0 = one thread per core.")
@click.option("--tensorflow-inter-op-parallelism", type=WholeNumber(0), default=0, help="0 = one after the other.")
@click.option("--num-load-threads", type=WholeNumber(1), default=4, show_default=True,
              help="How many versions, of several models, are loaded at once.")  # fmt: skip
@click.option("--saved-model-tags", default="serve", show_default=True, help="Tags of the graph, with commas between.")
@_switch("enable-model-warmup", True, "Replay the bundle's warm-up requests before a version answers.")
@click.option("--num-request-iterations-for-warmup", type=WholeNumber(0), default=1,
              help="How many times each warm-up request is replayed.")  # fmt: skip
@click.option("--monitoring-config-file", help="A MonitoringConfig: whether and where metrics are served.")
@click.option("--ssl-config-file", help="An SSLConfig: certificates of gRPC alone.")
@click.option("--grpc-max-threads", type=WholeNumber(1), default=16, show_default=True,
              help="Threads for large messages and for calls other than Predict.")  # fmt: skip
@click.option("--grpc-channel-arguments", default="", help="Options of gRPC, key=value with commas between.")
@_switch("enable-grpc-healthcheck-service", True, "Taken for compatibility: the health service is always on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 = all addresses.")
@click.option("--tls-certificate", help="Certificate chain (PEM) of REST and gRPC.")
@click.option("--tls-key", help="Its private key (PEM).")
@click.option("--tls-client-ca", help="Clients must have a certificate of these authorities (PEM).")
@click.option("--token-file", help="Accepted bearer tokens, one per line; read again when the file changes.")
@click.option("--admin-token-file", help="Tokens that may change what is served (HandleReloadConfigRequest).")
@click.option("--allowed-hosts", default="", help="Accepted values of the Host header, separated by commas.")
@click.option("--max-rows", type=WholeNumber(1), default=16_384, show_default=True,
              help="Maximum rows of one request, ideally what a model answers in a second.")  # fmt: skip
@click.option("--max-request-bytes", type=WholeNumber(1), default=16 << 20, show_default=True,
              help="Maximum size of one request.")  # fmt: skip
@click.option("--drain-seconds", type=WholeNumber(0), default=20, show_default=True,
              help="Time for answers to finish at shutdown.")  # fmt: skip
@click.option("--access-log", is_flag=False, flag_value="-", metavar="[FILE]",
              help="Log one JSON line per request, to the file or to standard output.")  # fmt: skip
@click.option("--event-store", metavar="URL",
              help="Store events and use them in answers: sqlite:///FILE, postgresql://…, redis://….")  # fmt: skip
@click.option("--event-kinds", default="", help="Kinds that count in answers, with commas between.  [default: all]")
@click.option("--event-days", type=WholeNumber(1), default=90, show_default=True, help="How long events are kept.")
@click.option("--events-per-user", type=WholeNumber(1), default=1000, show_default=True,
              help="Maximum number of events kept per user.")  # fmt: skip
@click.option("--request-log", metavar="PREFIX",
              help="Log predict requests with their answers into PREFIX-….tfrecord (PredictionLog).")  # fmt: skip
@click.option("--request-log-sampling-rate", type=click.FloatRange(0, 1), default=1.0, show_default=True,
              help="Share of the requests that are logged.")  # fmt: skip
@click.option("--request-log-key-file", metavar="FILE",
              help="Log people's ids as HMAC-SHA256, with this file's content as the key.")  # fmt: skip
@click.option("--request-log-file-bytes", type=WholeNumber(1), default=64 << 20, show_default=True,
              help="Size at which a new file is begun; one is also begun every day.")  # fmt: skip
@click.option("--request-log-files", type=WholeNumber(1), default=100, show_default=True,
              help="How many files are kept, the newest ones.")  # fmt: skip
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False), default="info", show_default=True)
@_switch("website", True, "The page, its catalogue and /openapi.json.")
def serve(**options: Any) -> int:
    """Serve pushed models over TensorFlow Serving's REST and gRPC API."""
    if not options["rest_api_port"] and not options["port"]:
        raise InputError(
            "neither REST nor gRPC is served",
            expected="a port for one of them",
            action="leave out one of --rest-api-port 0 and --port 0",
        )
    if options["model_config_file"] is None:
        options["base_path"], options["version"] = find_base_path(options["model_base_path"])
    logging.basicConfig(level=options["log_level"].upper(), format="%(asctime)s %(message)s", stream=sys.stderr)
    for name in ("uvicorn.error", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    click.echo("Loading TensorFlow", err=True)
    with quiet():
        from serving.errors import ServingError
        from serving.server import serve as serve_until_signal
    try:
        serve_until_signal(_config(options), _print_addresses)
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


def _config(options: dict[str, Any]) -> ServerConfig:
    from pipelines.cli.option_files import read_certificates
    from serving.models.registry import VersionsConfig
    from serving.rpc.service import GrpcConfig
    from serving.server import ServerConfig

    models_file = options["model_config_file"]
    return ServerConfig(
        models=_models(options),
        models_file=_file(models_file) if models_file else None,
        models_file_poll_seconds=options["model_config_file_poll_wait_seconds"],
        host=options["host"],
        rest_port=options["rest_api_port"] or None,
        grpc_port=options["port"] or None,
        tls=_tls(options),
        grpc_certificates=read_certificates(_file(options["ssl_config_file"])) if options["ssl_config_file"] else None,
        token_file=_file(options["token_file"]) if options["token_file"] else None,
        admin_token_file=_file(options["admin_token_file"]) if options["admin_token_file"] else None,
        access_log=_access_log(options["access_log"]),
        events=_events(options),
        request_log=_request_log(options),
        session=_session(options),
        versions=VersionsConfig(
            poll_seconds=options["file_system_poll_wait_seconds"],
            max_load_retries=options["max_num_load_retries"],
            retry_seconds=options["load_retry_interval_micros"] / 1e6,
            allow_labels_for_unavailable=options["allow_version_labels_for_unavailable_models"],
            load_threads=options["num_load_threads"],
        ),
        rest=_rest(options),
        grpc=GrpcConfig(
            max_request_bytes=options["max_request_bytes"],
            threads=options["grpc_max_threads"],
            channel_arguments=_channel_arguments(options["grpc_channel_arguments"]),
        ),
        warm_up_iterations=options["num_request_iterations_for_warmup"] if options["enable_model_warmup"] else 0,
        drain_seconds=options["drain_seconds"],
        with_website=options["website"],
    )


def _rest(options: dict[str, Any]) -> RestConfig:
    from pipelines.cli.option_files import read_metrics_path
    from serving.rest.app import RestConfig

    rest = RestConfig(
        timeout_seconds=options["rest_api_timeout_in_ms"] / 1000,
        max_request_bytes=options["max_request_bytes"],
        cors=options["rest_api_enable_cors_support"],
        allowed_hosts=tuple(host.strip().lower() for host in options["allowed_hosts"].split(",") if host.strip()),
    )
    if not options["monitoring_config_file"]:
        return rest
    path = read_metrics_path(_file(options["monitoring_config_file"]), rest.metrics_path)
    return dataclasses.replace(rest, metrics_path=path)


def _models(options: dict[str, Any]) -> Any:
    from serving.models.config import ModelConfig, VersionPolicy, read_models_config

    if options["model_config_file"]:
        return read_models_config(_file(options["model_config_file"]))
    version = options["version"]
    policy = VersionPolicy() if version is None else VersionPolicy(specific=frozenset({version}))
    return (ModelConfig(name=options["model_name"], base_path=options["base_path"], policy=policy),)


def _events(options: dict[str, Any]) -> Any:
    from serving.events.store import Bounds
    from serving.server import EventsConfig

    if not options["event_store"]:
        return None
    kinds = tuple(kind.strip() for kind in options["event_kinds"].split(",") if kind.strip())
    bounds = Bounds(days=options["event_days"], per_user=options["events_per_user"])
    return EventsConfig(url=options["event_store"], bounds=bounds, kinds=kinds)


def _request_log(options: dict[str, Any]) -> Any:
    from serving.request_log.config import RequestLogConfig, logged_model

    default = None
    if options["request_log"]:
        prefix = Path(options["request_log"]).expanduser().absolute()
        require_folder(prefix.parent)
        default = logged_model(str(prefix), options["request_log_sampling_rate"], "--request-log")
    return RequestLogConfig(
        default=default,
        key_file=_file(options["request_log_key_file"]) if options["request_log_key_file"] else None,
        max_bytes=options["request_log_file_bytes"],
        max_files=options["request_log_files"],
    )


def _session(options: dict[str, Any]) -> Any:
    from pipelines.cli.option_files import read_batching
    from serving.calls.batching import BatchingConfig
    from serving.models.servable import SessionConfig

    batching, unused = BatchingConfig(), list[str]()
    if options["batching_parameters_file"]:
        batching, unused = read_batching(_file(options["batching_parameters_file"]))
    if unused:
        click.echo(f"note: requests are merged greedily, so these have no effect: {', '.join(unused)}", err=True)
    both = options["tensorflow_session_parallelism"]
    return SessionConfig(
        tags=tuple(options["saved_model_tags"].split(",")),
        intra_op_threads=options["tensorflow_intra_op_parallelism"] or both,
        inter_op_threads=options["tensorflow_inter_op_parallelism"] or both,
        batching=dataclasses.replace(batching, max_long_rows=LONG_CALLS * options["max_rows"]),
        merge=options["enable_batching"],
        max_rows=options["max_rows"],
    )


def _tls(options: dict[str, Any]) -> Any:
    from serving.tls import ServerTls

    certificate, key, client_ca = (options[name] for name in ("tls_certificate", "tls_key", "tls_client_ca"))
    if not (certificate or key or client_ca):
        return None
    if not (certificate and key):
        raise InputError(
            "a certificate and its key belong together",
            expected="--tls-certificate FILE --tls-key FILE",
            action="name both",
        )
    return ServerTls(certificate=_file(certificate), key=_file(key), client_ca=_file(client_ca) if client_ca else None)


def _access_log(text: str | None) -> Path | None:
    if text is None or text == "-":
        return None if text is None else Path("-")
    path = Path(text).expanduser().absolute()
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for the access log", action="make it, or name another file")
    return path


def _file(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise InputError(f"there is no file {path}", expected="a file that can be read", received=describe(path))
    return path


def _channel_arguments(text: str) -> tuple[tuple[str, int | str], ...]:
    arguments: list[tuple[str, int | str]] = []
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise InputError(f"cannot read the channel argument `{part}`", expected="key=value", received=part)
        arguments.append((key, int(value) if value.lstrip("-").isdigit() else value))
    return tuple(arguments)


def _print_addresses(server: ModelServer) -> None:
    lines: Sequence[str] = server.description()
    for line in lines:
        click.echo(line)
