"""The options that say which data are used, for every command that trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pipelines.cli.option_types import ExistingPath

Command = TypeVar("Command", bound=Callable[..., Any])

PRESET_HELP = "Name of a preset, or path of a TOML file.  [default: demo; with --ratings: own-data]"


def data_options(command: Command) -> Command:
    """Adds the options that `pipelines.cli.run.configure` takes by name."""
    options = [
        click.option(
            "--ratings", type=ExistingPath(), help="Your interactions: CSV, Parquet, or a GroupLens-layout folder."
        ),
        click.option("--movies", type=ExistingPath(), help="Your catalogue: CSV or Parquet."),
        click.option(
            "--eval-ratings", type=ExistingPath(), help="Rows to choose on, where you have split the data yourself."
        ),
        click.option(
            "--test-ratings", type=ExistingPath(), help="Rows to judge on, where you have split the data yourself."
        ),
        click.option(
            "--columns",
            multiple=True,
            metavar="ROLE=COLUMN,…",
            help="Your column names; roles: user, item, rating, timestamp, title, genres.",
        ),
        click.option("--data-dir", help="Where TensorFlow Datasets keeps prepared data."),
        click.option(
            "--manual-dir", type=ExistingPath(), help="Folder that holds the MovieLens archive already (no download)."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
