"""`recommender demo-data`: the generated data set as CSV files."""

from __future__ import annotations

import click

from pipelines.cli.option_types import WholeNumber
from pipelines.local_run.run_folder import require_folder
from pipelines.terminal.quiet import quiet


@click.command("demo-data")
@click.option("--output", required=True, help="Folder into which ratings.csv and movies.csv are written.")
@click.option("--users", type=WholeNumber(1), help="Number of users.  [default: that of the demo]")
@click.option("--items", type=WholeNumber(1), help="Number of items.  [default: that of the demo]")
@click.option("--ratings", type=WholeNumber(1), help="Approximate number of ratings.  [default: that of the demo]")
@click.option("--seed", type=WholeNumber(0), help="Seed of the generator.  [default: that of the demo]")
def demo_data(output: str, users: int | None, items: int | None, ratings: int | None, seed: int | None) -> None:
    """Write the generated data set of the preset `demo` as CSV files."""
    from components.ingestion.config import DataConfig

    folder = require_folder(output)
    default = DataConfig()
    with quiet():
        from components.ingestion.demo import write_demo

        write_demo(
            str(folder),
            users=users or default.demo_users,
            items=items or default.demo_items,
            ratings=ratings or default.demo_ratings,
            seed=default.demo_seed if seed is None else seed,
        )
    click.echo(f"written: {folder / 'ratings.csv'} and {folder / 'movies.csv'}")
    click.echo(f"to train on it: recommender run --ratings {folder / 'ratings.csv'} --items {folder / 'movies.csv'}")
