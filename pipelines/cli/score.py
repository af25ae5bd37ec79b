"""`recommender score`: recommendations for many users, as a Beam job.

Progress goes to stderr and the result to stdout.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from components.progress import duration
from pipelines.cli.consoles import console_for
from pipelines.cli.exit_codes import FAILURE, OK
from pipelines.cli.models import find_model
from pipelines.cli.option_types import WholeNumber
from pipelines.local_run.stages import StageResult
from pipelines.terminal.stage_lines import StageLines
from serving.contract import DEFAULT_N, MAX_N

STAGE = "BatchScoring"
LEAST_SPEED = 10
"""Users a second; of a job that is nearly all start-up no speed is told."""


@click.command()
@click.option("--model", help="A pushed version or a folder of versions.  [default: pushed last under runs/]")
@click.option(
    "--users",
    default="all",
    show_default=True,
    help="`all` users that the bundle knows, or a .txt, .csv or .parquet file (lines may be packed: .csv.gz), a folder "
    "of them, or a pattern.",
)
@click.option("--n", type=WholeNumber(1, MAX_N), default=DEFAULT_N, show_default=True, help="Items per user.")
@click.option("--output", required=True, help="File of the rows: .parquet, .jsonl or .csv.")
@click.option(
    "--shards",
    type=WholeNumber(1, 10_000),
    default=1,
    show_default=True,
    help="Number of files; several go into a folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing output, in one step.")
@click.option("--retrieve-only", is_flag=True, help="First stage alone: no titles, no predicted ratings.")
@click.option(
    "--attempts",
    type=WholeNumber(1, 100),
    default=1,
    show_default=True,
    help="How many times the whole job is tried, if it fails.",
)
@click.option(
    "--stall-timeout",
    type=WholeNumber(1),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="End an attempt that makes no progress for this long.",
)
@click.option("--timeout", type=WholeNumber(1), metavar="SECONDS", help="End an attempt that takes longer.")
@click.option(
    "--beam-pipeline-args",
    multiple=True,
    metavar="OPTIONS",
    help="Beam's own options, such as --runner=FlinkRunner; repeatable.  [default: in memory]",
)
@click.option(
    "--block-users",
    type=WholeNumber(1, 100_000),
    help="Users in one call of the model.  [default: as many as suit the bundle]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def score(
    model: str | None,
    users: str,
    n: int,
    output: str,
    shards: int,
    overwrite: bool,
    retrieve_only: bool,
    attempts: int,
    stall_timeout: int,
    timeout: int | None,
    beam_pipeline_args: tuple[str, ...],
    block_users: int | None,
    as_json: bool,
) -> int:
    """Recommend items to all users, or to those in a file, and write them as one table."""
    from components.batch_scoring.publishing import Destination
    from components.batch_scoring.watching import Limits, Request, ScoringFailedError
    from components.batch_scoring.watching import score as score_users
    from components.beam import engines

    bundle = model if model is not None and "://" in model else str(find_model(model))
    request = Request(
        model=bundle,
        version=bundle.rstrip("/").rsplit("/", 1)[1],
        users=users if users == "all" else _absolute(users),
        n=n,
        retrieve_only=retrieve_only,
        destination=Destination(output=_absolute(output), shards=shards, overwrite=overwrite),
        block_users=block_users or 0,
        beam_arguments=engines.parse(beam_pipeline_args),
        limits=Limits(attempts=attempts, stall_seconds=float(stall_timeout), seconds=float(timeout or 0)),
    )
    with StageLines(console_for(sys.stderr)) as view:
        view.begin([STAGE])
        view.started(STAGE)
        start = time.monotonic()
        try:
            summary = score_users(request)
        except ScoringFailedError as failure:
            view.failed(STAGE, time.monotonic() - start, "failed")
            click.echo(f"{click.style('error:', fg='red', bold=True)} {failure}\n  its log: {failure.log}", err=True)
            return FAILURE
        seconds = time.monotonic() - start
        view.finished(StageResult(id=STAGE, seconds=seconds, cached=False, outputs={}))
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        print_result(console_for(sys.stdout), summary, request.destination, seconds)
    return OK


def print_result(console: Console, summary: dict[str, Any], destination: Any, seconds: float) -> None:
    """Says what was written and what was not, and how long that took, start-up included."""
    from pipelines.terminal.summary_lines import line

    speed = summary["users"] / seconds
    rate = f", {speed:,.0f} users/s" if speed >= LEAST_SPEED else ""
    line(console, f"{summary['rows']:,} rows for {summary['users']:,} users: {destination.output}")
    for count, what in (
        (summary["duplicates"], "left out, because their users had occurred before"),
        (summary["rejected"], f"rejected: {destination.rejected}"),
    ):
        if count:
            line(console, f"{count:,} {'record' if count == 1 else 'records'} {what}")
    if summary["without_items"]:
        line(console, f"users for whom no item is left: {summary['without_items']:,}")
    line(console, f"{duration(seconds)} with start-up{rate}, {summary['engine']}")
    line(console, f"Model: {summary['model']}")


def _absolute(path: str) -> str:
    """The path on every worker; an address with a scheme stays as it is."""
    return path if "://" in path else str(Path(path).expanduser().absolute())
