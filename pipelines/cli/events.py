"""`recommender events`: what the event store of a server holds, as files for the next run, and a person's erasure."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import click

from components.errors import InputError
from components.ingestion.reading.spans import has_days, path_of
from pipelines.answer_file import AnswerFile
from pipelines.cli.event_stores import URL_HELP, opened
from pipelines.cli.option_types import Day

if TYPE_CHECKING:
    from serving.events.store import EventStore

DAY = datetime.timedelta(days=1)


@click.group()
def events() -> None:
    """Export and erase the events that a server keeps."""


@events.command()
@click.option("--event-store", required=True, metavar="URL", help=URL_HELP)
@click.option("--day", type=Day(), help="Day to export, UTC.  [default: yesterday]")
@click.option("--until", type=Day(), help="Last day: export every day from --day to this one, one file per day.")
@click.option(
    "--output",
    required=True,
    metavar="PATTERN",
    help="CSV file to write, with {YYYY}, {MM} and {DD} in its path; a run reads the same pattern.",
)
def export(event_store: str, day: datetime.date | None, until: datetime.date | None, output: str) -> None:
    """Write the events of one or more days as CSV, one span per day.

    A run reads them with `--set data.ratings=PATTERN --append DAY`. Export a day when it is over. If you export it
    again, it includes the events that came late, and the next run reads it again.
    """
    first = day or datetime.datetime.now(datetime.timezone.utc).date() - DAY
    last = until or first
    if last < first:
        raise InputError(f"--until {last} is before --day {first}", action="give the earlier day as --day")
    if last != first and not has_days(output):
        raise InputError(
            "several days cannot go into one file",
            expected="{YYYY}, {MM} and {DD} in --output, such as events/{YYYY}-{MM}-{DD}.csv",
            received=output,
            action="correct --output",
        )
    with opened(event_store) as store:
        for number in range((last - first).days + 1):
            _write(store, first + number * DAY, output)


@events.command()
@click.option("--event-store", required=True, metavar="URL", help=URL_HELP)
@click.option("--user", "users", required=True, multiple=True, help="User whose events are erased; repeatable.")
def erase(event_store: str, users: tuple[str, ...]) -> None:
    """Erase people's events.

    Files already exported and bundles trained on them still contain them: remove the person from the files and run
    again.
    """
    with opened(event_store) as store:
        for user in users:
            click.echo(f"{store.erase(user):,} events of {user} erased")


def _write(store: EventStore, day: datetime.date, output: str) -> None:
    from serving.events.event import FIELDS

    begin = datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc)
    with AnswerFile(path_of(output, day), FIELDS) as file:
        file.write(store.between(begin.timestamp(), (begin + DAY).timestamp()))
    click.echo(f"{file.rows:,} events of {day} in {file.path}")
