"""`recommender compile kubeflow`: the pipeline as a file that Kubeflow or Vertex AI runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from components.beam import engines
from components.errors import InputError
from components.feature_specs import feature_overrides
from pipelines.cli.consoles import console_for
from pipelines.cli.exit_codes import OK
from pipelines.cli.option_types import comma_separated
from pipelines.config import load
from pipelines.terminal.quiet import quiet


@click.group(name="compile")
def compile_group() -> None:
    """Write the pipeline as a file for an orchestrator."""


@compile_group.command(name="kubeflow")
@click.option("--image", required=True, help="Container image of the steps, best by digest: REGISTRY/NAME@sha256:….")
@click.option("--pipeline-root", required=True, help="Bucket of the artifacts: gs://…, s3://… or minio://….")
@click.option("--preset", help="Name of a preset, or path of a TOML file.  [default: demo; with --ratings: auto]")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting; repeatable.")
@click.option("--ratings", help="Your interactions, as the cluster reaches them: a mounted path or gs://….")
@click.option("--items", help="Your catalogue, as the cluster reaches it.")
@click.option("--users", help="A table of your users, likewise.")
@click.option(
    "--feature", "features", multiple=True, metavar="ENTITY.NAME=KIND[:COLUMN]", help="As in `recommender run`."
)
@click.option("--columns", multiple=True, metavar="ROLE=COLUMN,…", help="Your column names, as in `recommender run`.")
@click.option(
    "--push-to", default="", help="Where versions are pushed.  [default: `pushed_model/…` in the root's bucket]"
)
@click.option(
    "--deployment",
    type=click.Path(dir_okay=False),
    help="TOML file: secrets, volumes, and what each step requests (docs/kubeflow.md).",
)
@click.option("--target", type=click.Choice(["kubeflow", "vertex"]), default="kubeflow", show_default=True)
@click.option(
    "--cache", is_flag=True, help="Let unchanged steps be answered from the cache; runs then take `data_version`."
)
@click.option(
    "--remote-uris",
    is_flag=True,
    help="Steps open the bucket themselves (gs:// only): what a remote Beam runner needs.",
)
@click.option(
    "--with-batch-scores",
    is_flag=True,
    help="Score every known user with the pushed version (--set batch_scores.enabled=true).",
)
@click.option("--beam-arg", "beam_args", multiple=True, help="Beam's own options for the Beam stages; repeatable.")
@click.option("--output", required=True, type=click.Path(dir_okay=False), help="File to write: .yaml (vertex: .json).")
def kubeflow(
    preset: str | None,
    overrides: tuple[str, ...],
    ratings: str | None,
    items: str | None,
    users: str | None,
    features: tuple[str, ...],
    columns: tuple[str, ...],
    deployment: str | None,
    output: str,
    with_batch_scores: bool,
    **options: Any,
) -> int:
    """Write the pipeline for Kubeflow Pipelines 2, or for Vertex AI.

    Nothing is run and no data are opened: paths are those that the steps see in the cluster.
    """
    suffixes = (".json",) if options["target"] == "vertex" else (".yaml", ".yml")
    if not output.endswith(suffixes):
        raise InputError(
            f"a pipeline for {options['target']} cannot be a {Path(output).suffix or 'file without an ending'}",
            expected=" or ".join(suffixes),
            received=f"--output {output}",
            action=f"write {Path(output).with_suffix(suffixes[0])}",
        )
    own: dict[str, Any] = {"source": "files", "ratings": ratings} if ratings else {}
    own |= {name: path for name, path in (("items", items), ("users", users)) if path}
    own |= {"columns": comma_separated(columns)} if columns else {}
    overrides = (*overrides, *feature_overrides(features))
    overrides = (*overrides, "batch_scores.enabled=true") if with_batch_scores else overrides
    config = load(preset or ("auto" if ratings else "demo"), overrides, own)
    options["beam_args"] = tuple(engines.parse(options["beam_args"]))
    text, steps = _compile(config, deployment, **options)
    target = Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    click.echo(f"{target}: {steps} steps in {options['image']}")
    if "@sha256:" not in options["image"]:
        note = "a tag may stand for another image tomorrow; name the image by its digest (…@sha256:…) in production"
        click.echo(f"note: {note}", err=True)
    return OK


def _compile(
    config: Any,
    deployment: str | None,
    *,
    target: str,
    cache: bool,
    beam_args: tuple[str, ...],
    **options: Any,
) -> tuple[str, int]:
    with quiet() as (_, err):
        console_for(err).print("Loading TFX", style="dim")
        from pipelines.kubeflow import compiler
        from pipelines.kubeflow.deployment import Deployment, load_deployment

        options |= {"beam_args": beam_args} if beam_args else {}
        chosen = compiler.CompileOptions(
            target=target,
            cached=cache,
            deployment=load_deployment(deployment) if deployment else Deployment(),
            **options,
        )
        job = compiler.compile_recommender(config, chosen)
        text = compiler.as_json(job) if target == compiler.VERTEX else compiler.as_yaml(job, chosen.given)
    return text, len(job["pipelineSpec"]["root"]["dag"]["tasks"])
