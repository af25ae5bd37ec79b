"""`recommender features`: proposes the section of a preset that says which columns the models read."""

from __future__ import annotations

from typing import Any

import click

from components.errors import InputError
from pipelines.cli.data_options import data_options
from pipelines.cli.run import configure
from pipelines.terminal.quiet import quiet


@click.command()
@click.option("--preset", help="Name of a preset, or path of a TOML file.  [default: auto]")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting; repeatable.")
@data_options
def features(preset: str | None, overrides: tuple[str, ...], **options: Any) -> None:
    """Propose features from the columns of your catalogue and your users.

    Reads the first 20,000 rows of --items and --users and prints a section for a preset: a kind for every column
    that has no role yet, what its values are like, and, as comments, columns that say nothing. Nothing is trained.
    Put the section into a copy of a preset (recommender presets --show auto), or name single columns with --feature.
    """
    if not options["items"] and not options["users"]:
        raise InputError(
            "there is nothing to propose features from",
            expected="--items FILE, --users FILE, or both, beside --ratings FILE",
            action="name the files with the columns of your items and users",
        )
    config = configure(preset or "auto", overrides, **options)
    with quiet():
        from components.ingestion.files import FilesSource
        from components.ingestion.proposals import propose
        from components.ingestion.workspace import Workspace

        with Workspace(config.data.memory_limit, config.data.encoding) as workspace:
            proposals = propose(FilesSource(config.data), workspace)
    for proposal in proposals:
        click.echo("\n".join([*proposal.lines(), ""]))
    if not proposals:
        click.echo("# every column plays a role already, or there is none")
