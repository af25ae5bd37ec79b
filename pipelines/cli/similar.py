"""`recommender similar`: asks a bundle or a server for items like one."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from components.errors import InputError
from pipelines.cli.answering import Place, answering, place_options
from pipelines.cli.consoles import console_for
from pipelines.cli.option_types import WholeNumber
from serving.contract import DEFAULT_N, MAX_N


@click.command()
@place_options
@click.option("--item", required=True, help="Id of an item.")
@click.option("--n", type=WholeNumber(1, MAX_N), default=DEFAULT_N, show_default=True,
              help="Number of items, at most the default_n of the bundle.")  # fmt: skip
def similar(item: str, n: int, **place: Any) -> None:
    """List the items most similar to a given one."""
    with answering(Place(**place)) as asked:
        items = asked.recommender.similar(item)[:n]
    if not items:
        raise InputError(
            f"nothing is like the item `{item}`",
            expected="the id of an item of the catalogue",
            received=item,
            action="take an id from the catalogue file, or from an answer of recommender query",
        )
    table = Table(title=f"Like item {item}", title_justify="left")
    for heading in ("id", "title", "similarity"):
        table.add_column(heading)
    for one in items:
        table.add_row(Text(one.id), Text(one.title), f"{one.score:.3f}")
    console_for(sys.stdout).print(table)
