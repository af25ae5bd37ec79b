"""`recommender watch`: skew, drift and hits, from the request log and the events of a server."""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from components.errors import InputError
from pipelines.cli.consoles import console_for
from pipelines.cli.event_stores import URL_HELP, opened
from pipelines.cli.exit_codes import OK, TOO_FAR
from pipelines.cli.option_types import Day, ExistingPath, WholeNumber, comma_separated
from pipelines.cli.serve import find_base_path
from pipelines.local_run.run_folder import require_folder
from pipelines.terminal.quiet import quiet
from pipelines.whole_file import write_whole
from serving.contract import MODEL_NAME

if TYPE_CHECKING:
    from components.evaluation.metrics.bootstrap import Interval
    from pipelines.watching.distances import Distance
    from pipelines.watching.watch import WatchConfig, Watched

DAY = datetime.timedelta(days=1)
PAGE, FACTS, SCHEMA = "watch.html", "watch.json", "schema.pbtxt"


@click.command()
@click.argument("run", required=False)
@click.option(
    "--request-log",
    required=True,
    metavar="PREFIX",
    help="Prefix of the log, as for `recommender serve --request-log`.",
)
@click.option("--request-log-key-file", type=ExistingPath(), help="The server's key file, if it hashes people's ids.")
@click.option("--event-store", metavar="URL", help=URL_HELP)
@click.option("--event-kinds", multiple=True, help="Kinds of events to look at, separated by commas.  [default: all]")
@click.option("--model", default=MODEL_NAME, show_default=True, help="Name of the model on the server.")
@click.option("--day", type=Day(), help="Day to look at, UTC.  [default: yesterday]")
@click.option("--until", type=Day(), help="Every day from --day to this one.  [default: --day alone]")
@click.option("--before", type=WholeNumber(0), default=7, show_default=True,
              help="Number of earlier days to compare with for drift.")  # fmt: skip
@click.option("--skew-above", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="Distance from the training data above which a feature is too far.")  # fmt: skip
@click.option("--drift-above", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="Distance from the earlier days above which a feature is too far.")  # fmt: skip
@click.option("--least", type=WholeNumber(1), default=500, show_default=True,
              help="Number of a feature's values below which it is never too far.")  # fmt: skip
@click.option(
    "--schema", type=ExistingPath(), help=f"Thresholds by feature: an edited {SCHEMA} that this command wrote."
)
@click.option("--output", metavar="FOLDER", help=f"Where {PAGE}, {FACTS} and {SCHEMA} go.  [default: not written]")
def watch(
    run: str | None,
    request_log: str,
    request_log_key_file: str | None,
    event_store: str | None,
    event_kinds: tuple[str, ...],
    model: str,
    day: datetime.date | None,
    until: datetime.date | None,
    before: int,
    skew_above: float,
    drift_above: float,
    least: int,
    schema: str | None,
    output: str | None,
) -> int:
    """Compare requests and events with the training data, and versions with each other.

    RUN is the folder of a run or of its versions. Reads the server's request log and event store, and
    shows how far items, ratings and features are from the training data of the newest version that answered (skew) and
    from the days before (drift), and for each version how often a list led to an event, with intervals.

    Exit codes: 0 nothing is too far; 2 the command or the log cannot be used; 4 something is too far.
    """
    first = day or datetime.datetime.now(datetime.timezone.utc).date() - DAY
    last = until or first
    if last < first:
        raise InputError(f"--until {last} is before --day {first}", action="give the earlier day as --day")
    base, _ = find_base_path(run)
    folder = None if output is None else require_folder(output)
    with quiet(), contextlib.ExitStack() as stack:
        from pipelines.watching.page import render
        from pipelines.watching.watch import WatchConfig
        from pipelines.watching.watch import watch as look

        config = WatchConfig(
            push_directory=base,
            log=Path(request_log).expanduser().absolute(),
            model=model,
            first=first,
            last=last,
            before=before,
            key=_key(request_log_key_file),
            kinds=comma_separated(event_kinds),
            skew_above=skew_above,
            drift_above=drift_above,
            least=least,
            schema=None if schema is None else Path(schema),
        )
        watched = look(config, None if event_store is None else stack.enter_context(opened(event_store)))
        if folder is not None:
            write_whole(folder / PAGE, render(watched))
            write_whole(folder / FACTS, json.dumps(watched.as_json(), indent=2, default=str) + "\n")
            write_whole(folder / SCHEMA, str(watched.schema))
    show(console_for(sys.stdout), watched)
    if folder is not None:
        click.echo(f"To be read: {folder / PAGE}")
    return TOO_FAR if watched.above else OK


def show(console: Console, watched: Watched) -> None:
    """Prints what there is to know."""
    _line(console, _words(watched.config, watched))
    console.print(_versions(watched))
    for one in watched.clicks.comparisons:
        days = f"{one.days} day{'' if one.days == 1 else 's'}"
        _line(
            console,
            f"Version {one.version} against {one.baseline}, on {days}: {one.difference.value:+.4f} "
            f"[{one.difference.lower:+.4f}, {one.difference.upper:+.4f}] of the hit rate: {one.verdict}",
        )
    if watched.distances:
        console.print(_distances(watched.distances))
    for distance in watched.above:
        _line(
            console,
            f"too far: {distance.kind} of {distance.feature}: {distance.measure} {distance.distance:.3f}, above "
            f"{distance.threshold:g}",
        )


def _words(config: WatchConfig, watched: Watched) -> str:
    clicks = watched.clicks
    days = str(config.first) if config.first == config.last else f"{config.first} to {config.last}"
    return (
        f"{days} (UTC): {sum(one.lists for one in clicks.versions):,} lists, {clicks.events:,} events, "
        f"{clicks.named:,} of them with a request id, {clicks.joined:,} of these of a list in the log"
    )


def _versions(watched: Watched) -> Table:
    table = Table(title="By version", title_justify="left", title_style="bold")
    for name in ("version", "labels"):
        table.add_column(name)
    for name in ("lists", "people", "hit rate", "reciprocal rank", "mean rank"):
        table.add_column(name, justify="right")
    for one in watched.clicks.versions:
        table.add_row(
            str(one.version),
            ", ".join(one.labels),
            f"{one.lists:,}",
            f"{one.people:,}",
            _interval(one.hit_rate),
            _interval(one.reciprocal_rank),
            "–" if one.mean_rank != one.mean_rank else f"{one.mean_rank:.1f}",
        )
    return table


def _interval(figure: Interval) -> str:
    return f"{figure.value:.4f} [{figure.lower:.4f}, {figure.upper:.4f}]"


def _distances(found: Sequence[Distance]) -> Table:
    table = Table(title="Skew and drift", title_justify="left", title_style="bold")
    for name in ("feature", "kind"):
        table.add_column(name)
    for name in ("distance", "threshold", "values", "compared with"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in found:
        table.add_row(
            one.feature,
            one.kind,
            f"{one.distance:.3f}",
            f"{one.threshold:g}",
            f"{one.values[0]:,}",
            f"{one.values[1]:,}",
            "too far" if one.is_above else "" if one.enough else "too few values",
        )
    return table


def _line(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def _key(path: str | None) -> bytes | None:
    from serving.request_log.request_log import read_key

    return None if path is None else read_key(Path(path))
