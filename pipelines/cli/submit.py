"""`recommender submit kubeflow`: starts a run of a compiled pipeline."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from components.errors import InputError
from pipelines.cli.exit_codes import OK


@click.group()
def submit() -> None:
    """Start a run of a compiled pipeline on an orchestrator."""


@submit.command(name="kubeflow")
@click.argument("pipeline", type=click.Path(dir_okay=False))
@click.option("--host", required=True, envvar="KF_PIPELINES_ENDPOINT", show_envvar=True, help="Address of the API.")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="Value of a parameter; repeatable.")
@click.option("--pipeline-root", help="Bucket of the artifacts.  [default: the one it was compiled with]")
@click.option("--experiment", help="Group of runs.")
@click.option("--run-name", help="Name of the run, for people.")
@click.option("--namespace", help="Namespace of the run, on a multi-user Kubeflow.")
@click.option(
    "--cache-days",
    type=click.IntRange(min=1),
    help="Days for which the cache may answer, at most as long as artifacts are kept; then every step runs again.",
)
@click.option("--no-cache", is_flag=True, help="Run every step, even those in the cache.")
@click.option("--service-account", help="Service account with which the steps run.")
@click.option("--token", envvar="KF_PIPELINES_TOKEN", show_envvar=True, help="Bearer token.")
@click.option("--cookies", envvar="KF_PIPELINES_COOKIES", show_envvar=True, help="Cookies of a login in the browser.")
@click.option(
    "--ssl-ca-cert",
    type=click.Path(dir_okay=False, exists=True),
    help="CA certificates for checking the host, if its own are not public ones.",
)
def kubeflow(
    pipeline: str,
    host: str,
    parameters: tuple[str, ...],
    token: str | None,
    cookies: str | None,
    ssl_ca_cert: str | None,
    cache_days: int | None,
    **options: Any,
) -> int:
    """Start a run of PIPELINE, a YAML file of `recommender compile kubeflow`."""
    from pipelines.kubeflow import submission

    if pipeline.endswith(".json"):
        raise InputError(
            f"{pipeline} was compiled for Vertex AI",
            expected="a YAML file",
            received=pipeline,
            action="compile it without --target vertex, or submit it with google-cloud-aiplatform's PipelineJob",
        )
    spec = submission.read_spec(pipeline)
    started = submission.submit(
        pipeline,
        host=host,
        arguments=submission.for_days(submission.parse_arguments(spec, parameters), cache_days, time.time()),
        client_options={"existing_token": token, "cookies": cookies, "ssl_ca_cert": ssl_ca_cert},
        **options,
    )
    click.echo(json.dumps({"run_id": started.run_id, "url": started.url}))
    return OK
