"""`recommender inspect`: what data hold, before anything is trained on them."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Any, TextIO

import click

from components.progress import LOGGER
from pipelines.cli.data_options import data_options
from pipelines.cli.option_types import DataPath
from pipelines.cli.run import configure
from pipelines.terminal.quiet import quiet


@click.command("inspect")
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--preset", help="Name of a preset, or path of a TOML file.  [default: auto]")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was counted, as JSON.")
@data_options
def inspect(
    files: tuple[str, ...], preset: str | None, overrides: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Read data as a run would, and say what was understood.

    FILE is short for --ratings FILE. Nothing is trained or written. Says which columns were taken for what, how times
    are written, the scale of ratings, kinds of interaction, what would be left out and why, ties, repeats, the heaviest
    user, items that nobody touched, and what to expect of a run.
    """
    if files and not options["ratings"]:
        options["ratings"] = data_path(files)
    config = configure(preset or "auto", overrides, **options)
    with quiet() as (_, messages), _printed(messages):
        from components.ingestion import inspection
        from components.ingestion.profile_facts import facts as facts_of

        profile = inspection.inspect(config.data, config.split, config.bundle.leave_out_seen, config.features.specs())
    if as_json:
        click.echo(json.dumps(profile, indent=1))
        return
    facts = facts_of(profile)
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        click.echo(f"{name:<{width}}  {value}")
    click.echo()
    for line in inspection.advice(profile):
        click.echo(f"- {line}")


@contextlib.contextmanager
def _printed(stream: TextIO) -> Iterator[None]:
    """Warnings go to the stream meanwhile."""
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)


def data_path(files: tuple[str, ...]) -> str:
    """Several paths as one value of --ratings."""
    return DataPath().convert(",".join(files), None, None)
