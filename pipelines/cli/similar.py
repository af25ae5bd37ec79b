"""`recommender similar`: asks a bundle or a server for movies like one."""

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
@click.option("--movie", required=True, help="Id of a movie.")
@click.option("--n", type=WholeNumber(1, MAX_N), default=DEFAULT_N, show_default=True,
              help="Number of movies; a bundle has its default_n at most.")  # fmt: skip
def similar(movie: str, n: int, **place: Any) -> None:
    """List the movies that are most like one."""
    with answering(Place(**place)) as asked:
        movies = asked.recommender.similar(movie)[:n]
    if not movies:
        raise InputError(
            f"nothing is like the movie `{movie}`",
            expected="the id of a movie of the catalogue",
            received=movie,
            action="take an id from the catalogue file, or from an answer of recommender query",
        )
    table = Table(title=f"Like movie {movie}", title_justify="left")
    for heading in ("id", "title", "similarity"):
        table.add_column(heading)
    for one in movies:
        table.add_row(Text(one.id), Text(one.title), f"{one.score:.3f}")
    console_for(sys.stdout).print(table)
