"""`recommender embeddings`: the vectors of a bundle, classified, exported and laid out for the Embedding Projector."""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.errors import InputError
from pipelines.cli.consoles import console_for
from pipelines.cli.models import MODEL_HELP, find_model
from pipelines.cli.paths import describe
from pipelines.local_run.run_folder import require_folder
from pipelines.terminal.quiet import quiet


@click.group()
def embeddings() -> None:
    """Look at a bundle's vectors, and use them elsewhere."""


@embeddings.command()
@click.option("--model", help=MODEL_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def classify(model: str | None, as_json: bool) -> None:
    """Predict the items' genres from their vectors, cross-validated.

    The vectors are made from which user had which item, or are the model's own if it was given no genres.
    """
    version = find_model(model)
    with quiet():
        from components.embeddings.config import EmbeddingsConfig
        from components.embeddings.from_bundle import read_embeddings
        from components.embeddings.genre_report import genre_report

        read = read_embeddings(version)
        report = genre_report(read.vectors, read.lists, read.rows, read.catalogue, EmbeddingsConfig())
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        print_report(console_for(sys.stdout), report, str(version))


@embeddings.command()
@click.option("--model", help=MODEL_HELP)
@click.option("--items", help="Parquet file to write: item_id, title, genres, rows, vector.")
@click.option("--users", help="Parquet file to write: user_id, interactions, vector.")
def export(model: str | None, items: str | None, users: str | None) -> None:
    """Write vectors as Parquet; the inner product of a user's and an item's vector is the bundle's score."""
    if items is None and users is None:
        raise InputError(
            "there is nothing to write",
            expected="--items FILE, --users FILE or both",
            action="for instance: recommender embeddings export --items items.parquet --users users.parquet",
        )
    version = find_model(model)
    targets = {name: _file(path) for name, path in (("items", items), ("users", users)) if path is not None}
    with quiet():
        import pyarrow.parquet as pq

        from components.embeddings.from_bundle import read_embeddings
        from components.embeddings.parquet_tables import item_table, user_table

        read = read_embeddings(version)
        tables = {name: {"items": item_table, "users": user_table}[name](read) for name in targets}
        for name, target in targets.items():
            incoming = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
            try:
                pq.write_table(tables[name], incoming, compression="zstd")
                incoming.replace(target)
            finally:
                incoming.unlink(missing_ok=True)
    for name, target in targets.items():
        click.echo(f"{target}: {tables[name].num_rows:,} {name}, {read.vectors.indexed.shape[1]} dimensions")
    click.echo(f"Model: {version}")


@embeddings.command()
@click.option("--model", help=MODEL_HELP)
@click.option("--output", required=True, help="Folder to make.")
def projector(model: str | None, output: str) -> None:
    """Write the items' vectors for TensorBoard's Embedding Projector."""
    version = find_model(model)
    folder = Path(output).expanduser().absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            f"the output {folder} is in use",
            expected="a folder that is not there yet, or an empty one",
            received=describe(folder),
            action="name another --output, or remove what is there",
        )
    incoming = require_folder(folder.parent) / f".{folder.name}.{uuid.uuid4().hex}"
    incoming.mkdir()
    try:
        with quiet():
            from components.embeddings.from_bundle import read_embeddings
            from components.embeddings.projector import write_projector

            items = write_projector(read_embeddings(version), incoming)
        incoming.replace(folder)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise
    click.echo(f"{folder}: {items:,} items of {version}")
    click.echo(f"Open it: tensorboard --logdir {folder}, then http://localhost:6006/#projector")


def print_report(console: Console, report: dict[str, Any], model: str) -> None:
    """The figures for a person."""
    from pipelines.terminal.summary_lines import line

    seen = {
        "collaborative": f"{report['dimensions']} dimensions made from who had what: no genre had a part in them",
        "model": f"the model's own vectors ({report['dimensions']} dimensions): it was told neither genres nor titles",
    }[report["vectors"]]
    line(console, f"{report['items']:,} items with genres and enough rows, {report['folds']} folds; {seen}")
    if report["macro"] is None:
        line(console, "No genre has enough items to be learned.")
    else:
        console.print(_table(report))
        line(console, "chance: average precision of a random order, whose AUC is .5; always: F1 of yes for every item.")
        if report["vectors"] == "collaborative":
            line(
                console,
                "served: the same from the served vectors, which were told the genres: the answer is in the question.",
            )
    if report["left_out"]:
        names = ", ".join(f"{entry['genre']} ({entry['items']})" for entry in report["left_out"])
        line(console, f"Left out, because too few items have them or lack them: {names}")
    line(console, f"Model: {model}")


def _table(report: dict[str, Any]) -> Table:
    table = Table()
    table.add_column("genre")
    circular = report["vectors"] == "collaborative"
    headings = ["items", "AUC", "avg. precision", "chance", "F1", "always", "majority"]
    for heading in (*headings, *(["AUC, served", "F1, served"] if circular else [])):
        table.add_column(heading, justify="right")
    for entry in (*report["genres"], {"genre": "mean of the genres", "items": None, **report["macro"]}):
        names = ["auc", "average_precision", "chance", "f1", "always_f1", "majority_f1"]
        figures = [entry[name] for name in (*names, *(["whole_auc", "whole_f1"] if circular else []))]
        items = "" if entry["items"] is None else f"{entry['items']:,}"
        table.add_row(Text(entry["genre"]), items, *(f"{figure:.3f}" for figure in figures))
    return table


def _file(path: str) -> Path:
    target = Path(path).expanduser().absolute()
    if target.is_dir():
        raise InputError(
            f"the output {target} is a folder",
            expected="the path of a file",
            received=path,
            action="name a file in it, for instance vectors.parquet",
        )
    require_folder(target.parent)
    return target
