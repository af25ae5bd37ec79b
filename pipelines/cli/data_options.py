"""The options that say which data are used, for every command that trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pipelines.cli.option_types import DataPath, ExistingPath

Command = TypeVar("Command", bound=Callable[..., Any])

PRESET_HELP = "Name of a preset, or path of a TOML file.  [default: demo; with --ratings: auto]"


OPTIONS = (
    click.option(
        "--ratings",
        type=DataPath(),
        help="Your interactions: delimited text, Parquet or JSON lines, compressed or not; a file, several "
        "separated by commas, a pattern, or a folder.",
    ),
    click.option(
        "--append",
        "span",
        metavar="SPAN",
        help="Newest span to read, where --ratings has {SPAN}, or {YYYY}, {MM} and {DD}: 7, or 2026-11-28.",
    ),
    click.option("--items", type=DataPath(), help="Your catalogue, likewise."),
    click.option("--users", type=DataPath(), help="A table of your users, likewise, for features of users."),
    click.option(
        "--feature",
        "features",
        multiple=True,
        metavar="ENTITY.NAME=KIND[:COLUMN]",
        help="A column that the models read, such as item.brand=category; kinds: category, categories, "
        "number, text, vector, year, none. `recommender features` proposes them.",
    ),
    click.option(
        "--eval-ratings",
        type=DataPath(),
        help="Rows on which choices are made, if you have split the data yourself.",
    ),
    click.option(
        "--test-ratings",
        type=DataPath(),
        help="Rows on which the result is judged, if you have split the data yourself.",
    ),
    click.option(
        "--columns",
        multiple=True,
        metavar="ROLE=COLUMN,…",
        help="Your columns by name or position; roles: user, item, rating, timestamp, event, weight, title, genres.",
    ),
    click.option(
        "--item-columns",
        multiple=True,
        metavar="ROLE=COLUMN,…",
        help="Columns of the catalogue that --columns does not name; roles: item, title, genres.",
    ),
    click.option(
        "--event",
        "events",
        multiple=True,
        metavar="KIND=WEIGHT,…",
        help="How much each kind of interaction counts, such as view=1,purchase=4; others are left out.",
    ),
    click.option("--data-dir", help="Where TensorFlow Datasets keeps prepared data."),
    click.option(
        "--manual-dir", type=ExistingPath(), help="Folder that holds the MovieLens archive already (no download)."
    ),
)


def data_options(command: Command) -> Command:
    """Adds the options that `pipelines.cli.run.configure` takes by name."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
