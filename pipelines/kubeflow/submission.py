"""Submits a compiled pipeline to Kubeflow Pipelines by its own client."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.errors import InputError

CONNECT_SECONDS = 5.0
DATA_VERSION = "data_version"
"""The parameter by which a run says which data it means, where steps may be answered from the cache."""
_KINDS = {"NUMBER_INTEGER": int, "NUMBER_DOUBLE": float, "STRING": str}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Submission:
    """What was started.

    Attributes:
      run_id: Kubeflow's.
      url: Where a person watches it.
    """

    run_id: str
    url: str


def read_spec(path: str | Path) -> dict[str, Any]:
    """The PipelineSpec in a compiled file.

    Raises:
      InputError: There is none.
    """
    try:
        documents = list(yaml.safe_load_all(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _no_pipeline(path, str(error).splitlines()[0]) from error
    spec = documents[0] if documents else None
    if not isinstance(spec, dict) or "schemaVersion" not in spec:
        raise _no_pipeline(path, "a file without schemaVersion")
    return spec


def parse_arguments(spec: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` texts as values of the pipeline's parameters.

    Raises:
      InputError: An unknown name, a value of another kind, or a parameter without default that is missing.
    """
    definitions = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    values: dict[str, Any] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals or name not in definitions:
            raise InputError(
                f"the pipeline has no parameter `{name}`" if equals else f"cannot read the parameter `{argument}`",
                expected="NAME=VALUE with NAME one of " + ", ".join(sorted(definitions)),
                received=argument,
                action="correct --param",
            )
        values[name] = _value(name, text, definitions[name]["parameterType"])
    missing = sorted(name for name, one in definitions.items() if "defaultValue" not in one and name not in values)
    if missing:
        raise InputError(
            "the pipeline has parameters without a default that this run does not give",
            expected="a value of " + ", ".join(missing),
            received=", ".join(arguments) or "no --param",
            action=f"add --param {missing[0]}=VALUE",
        )
    return values


def for_days(arguments: Mapping[str, Any], days: int | None, now: float) -> dict[str, Any]:
    """The arguments of a run whose cached steps are no older than so many days; None: as old as they are.

    Days are counted in blocks of so many, and the block's number is a part of `data_version`, hence of the cache's key.
    So a step is run again before a rule for old artifacts, of that many days or more, has deleted what it wrote.

    Args:
      arguments: By parameter.
      days: Length of a block.
      now: Unix seconds.

    Raises:
      InputError: The pipeline was compiled without the cache.
    """
    if days is None:
        return dict(arguments)
    if DATA_VERSION not in arguments:
        raise InputError(
            "the pipeline was compiled without the cache, so there is nothing that could be too old",
            expected=f"a pipeline with the parameter {DATA_VERSION}",
            received=f"--cache-days {days}",
            action="leave --cache-days out, or compile with --cache",
        )
    block = int(now // 86_400) // days
    return {**arguments, DATA_VERSION: f"{arguments[DATA_VERSION]}, block {block} of {days} days"}


def submit(
    path: str | Path,
    *,
    host: str,
    arguments: Mapping[str, Any],
    pipeline_root: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    namespace: str | None = None,
    service_account: str | None = None,
    no_cache: bool = False,
    client_options: Mapping[str, Any] | None = None,
) -> Submission:
    """Starts a run.

    Args:
      path: A compiled YAML file.
      host: Address of Kubeflow Pipelines' API, with its scheme.
      arguments: Of the run, by parameter.
      pipeline_root: Bucket of the artifacts; None: that of the file.
      experiment: Kubeflow's group of runs.
      run_name: For people.
      namespace: Of the run, on a multi-user Kubeflow.
      service_account: With which the steps run; None: Kubeflow's own default.
      no_cache: Whether every step is run, whatever the pipeline was compiled with.
      client_options: Further arguments of `kfp.Client`: `existing_token`, `cookies`, `ssl_ca_cert`, ….

    Raises:
      InputError: The host cannot be reached or refuses, or a namespace is given to a host that has only one.
    """
    check_reachable(host)
    import kfp

    options = {name: value for name, value in (client_options or {}).items() if value is not None}
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the client prints links
            client = kfp.Client(host=host, namespace=namespace or "kubeflow", **options)
            if namespace is not None:
                _require_namespaces(client, namespace, host)
            started = client.create_run_from_pipeline_package(
                str(path),
                arguments=dict(arguments),
                pipeline_root=pipeline_root or read_spec(path).get("defaultPipelineRoot"),
                experiment_name=experiment,
                run_name=run_name,
                namespace=namespace,
                service_account=service_account,
                enable_caching=False if no_cache else None,  # None: as it was compiled
            )
    except InputError:
        raise
    except Exception as error:  # the client raises whatever its HTTP library, the API or the login raise
        raise InputError(
            f"Kubeflow at {host} did not start the run",
            expected="a run id",
            received=f"{type(error).__name__}: {_telling(error)}",
            action="see whether the address opens in a browser, and log in as it asks (--token, --cookies)",
        ) from error
    return Submission(run_id=started.run_id, url=f"{host.rstrip('/')}/#/runs/details/{started.run_id}")


def _require_namespaces(client: Any, namespace: str, host: str) -> None:
    """Raises an InputError where Kubeflow serves one namespace: it would take no notice of another."""
    if client.get_kfp_healthz().multi_user is not True:
        raise InputError(
            f"Kubeflow at {host} is not multi-user: every run is in its own namespace",
            expected="no --namespace",
            received=f"--namespace {namespace}",
            action="leave --namespace out, or submit to the Kubeflow that has this namespace",
        )


def check_reachable(host: str) -> None:
    """Raises an InputError unless something listens there: the client itself tries for half a minute."""
    parts = urllib.parse.urlsplit(host)
    port = None
    with contextlib.suppress(ValueError):
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    if not parts.hostname or port is None:
        raise InputError(
            f"`{host}` is no address of Kubeflow Pipelines",
            expected="http://HOST:PORT or https://HOST/pipeline",
            received=host,
            action="correct --host",
        )
    try:
        socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"Kubeflow Pipelines cannot be reached at {host}",
            expected=f"something that listens at {parts.hostname}:{port}",
            received=str(error),
            action="check the address; from outside the cluster: "
            "kubectl port-forward -n kubeflow service/ml-pipeline-ui 8080:80 and --host http://localhost:8080",
        ) from error


def _value(name: str, text: str, parameter_type: str) -> Any:
    kind = _KINDS.get(parameter_type, str)
    try:
        return kind(text)
    except ValueError:
        raise InputError(
            f"the parameter `{name}` has a value of the wrong type",
            expected={int: "a whole number", float: "a number"}[kind],
            received=text,
            action=f"correct --param {name}=…",
        ) from None


def _telling(error: Exception) -> str:
    """The API's own message, where it sent one."""
    body = getattr(error, "body", None)
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or error)
    return " ".join(text.split())[:500]


def _no_pipeline(path: str | Path, received: str) -> InputError:
    return InputError(
        f"{path} is no compiled pipeline",
        expected="a YAML file that `recommender compile kubeflow` wrote",
        received=received,
        action="compile it first",
    )
