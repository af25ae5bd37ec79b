"""`recommender export`: the same bundle for a server that has TensorFlow's own operations only."""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path

import click

from components.errors import InputError
from components.push.publish import INCOMING_PREFIX
from pipelines.cli.models import MODEL_HELP, find_model
from pipelines.terminal.quiet import quiet


@click.command()
@click.option("--model", help=MODEL_HELP)
@click.option(
    "--index",
    type=click.Choice(["exact"]),
    default="exact",
    show_default=True,
    help="The index of the exported bundle.",
)
@click.option("--output", required=True, help="Folder of versions; the exported one keeps its number.")
def export(model: str | None, index: str, output: str) -> None:
    """Write a bundle that the official TF Serving image loads: no ScaNN, every answer exact.

    Nothing is trained again: a pushed bundle carries its candidate vectors. The signatures stay the same.
    """
    source, base = find_model(model), Path(output).expanduser().absolute()
    version = base / (source.name if source.name.isdigit() else str(int(time.time())))
    if version.exists():
        raise InputError(
            f"{version} is there already",
            expected="a folder of versions without this one",
            received=str(version),
            action="name another --output, or remove that version",
        )
    base.mkdir(parents=True, exist_ok=True)
    incoming = base / f"{INCOMING_PREFIX}{uuid.uuid4().hex}"
    try:
        with quiet():
            from components.bundle.stock import write_exact_twin

            write_exact_twin(source, incoming)
        incoming.rename(version)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise
    click.echo(f"{version}: the bundle of {source} with an {index} index of stock TensorFlow operations")
