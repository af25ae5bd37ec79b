"""`recommender query`: asks a bundle or a server for recommendations."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.errors import InputError
from pipelines.cli.answering import Place, answering, place_options
from pipelines.cli.consoles import console_for
from pipelines.cli.explanations import Explanation, explain, print_explanations
from pipelines.cli.option_types import WholeNumber, comma_separated
from serving.contract import DEFAULT_N, FROM_FEATURES, FROM_HISTORY, FROM_MODEL, FROM_POPULARITY, MAX_N

SOURCES = {
    FROM_MODEL: "from the model and what is stored about this user",
    FROM_HISTORY: "from the model and the history that was given",
    FROM_FEATURES: "from the model and what is known about the person; there is no history",
    FROM_POPULARITY: "the most popular items: nothing is known of this person",
}

MOST_NAMED = 30  # filters that a message names


@click.command()
@place_options
@click.option("--user", default="", help="Id of a user; leave it out for a person without one.")
@click.option("--n", type=WholeNumber(1, MAX_N), default=DEFAULT_N, show_default=True, help="Number of items.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="FEATURE=VALUE",
    help="Only items with this value; repeatable: within a feature any, across features all; -FEATURE=VALUE excludes.",
)
@click.option(
    "--user-feature",
    "user_features",
    multiple=True,
    metavar="FEATURE=VALUE",
    help="What is known of the person; replaces what is stored.",
)
@click.option("--context", multiple=True, metavar="FEATURE=VALUE", help="What is known of the moment.")
@click.option("--history", multiple=True, metavar="ID[:STARS],…", help="Items the person knows, oldest first.")
@click.option("--exclude", multiple=True, metavar="ID,…", help="Items to leave out.")
@click.option("--allow", multiple=True, metavar="ID,…", help="Only these items.")
@click.option("--explain", "explained", is_flag=True, help="Say which items of the history pulled each one in.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def query(
    user: str,
    n: int,
    filters: tuple[str, ...],
    user_features: tuple[str, ...],
    context: tuple[str, ...],
    history: tuple[str, ...],
    exclude: tuple[str, ...],
    allow: tuple[str, ...],
    explained: bool,
    as_json: bool,
    **place: Any,
) -> None:
    """Recommend items to a user, or to a person who is described by a history."""
    rated = parse_history(comma_separated(history))
    if not user and not rated and not user_features and not context:
        raise InputError(
            "the question says nothing about the person",
            expected="--user ID, --history with items the person knows, or --user-feature",
            action="for instance: recommender query --user 42, or recommender query --history 1,260:5,1210",
        )
    with answering(Place(**place)) as asked:
        if asked.filters is not None:
            check_filters(filters, asked.filters)
        unknown = unknown_items((item_id for item_id, _ in rated), asked.catalogue)
        (answer,) = asked.recommender.recommend(
            [user],
            n=n,
            history=rated,
            exclude=comma_separated(exclude),
            allow=comma_separated(allow),
            filters=filters,
            user_features=user_features,
            context=context,
        )
        explanations = explain(asked, user, rated, answer) if explained else None
    if unknown:
        click.echo(f"note: not in the catalogue and left out of the history: {', '.join(unknown)}", err=True)
    if as_json:
        click.echo(json.dumps(answer_as_mapping(user, asked.name, answer, explanations), ensure_ascii=False, indent=2))
    else:
        print_answer(console_for(sys.stdout), user, asked.name, answer, explanations)


def parse_history(parts: tuple[str, ...]) -> list[tuple[str, float]]:
    """`1`, `260:4.5` as item ids with stars; 0 = not rated.

    Raises:
      InputError: Stars that are no number.
    """
    return [_rated(part) for part in parts]


def _rated(part: str) -> tuple[str, float]:
    item_id, colon, stars = part.partition(":")
    if not colon:
        return item_id, 0.0
    if stars.isascii() and stars.replace(".", "", 1).isdigit() and item_id:
        return item_id, float(stars)
    raise InputError(
        f"cannot read the history entry `{part}`",
        expected="an item id, or item id:stars, for instance 260:4.5",
        received=part,
        action="write --history 1,260:4.5",
    )


def check_filters(asked: Sequence[str], known: Sequence[str]) -> None:
    """Raises an InputError about a filter that no item meets."""
    for one in (text.removeprefix("-") for text in asked):
        if one not in known:
            near = difflib.get_close_matches(one, known, n=1, cutoff=0.4)
            some = known[:MOST_NAMED]
            more = f" … ({len(known):,} in all)" if len(known) > len(some) else ""
            raise InputError(
                f"no item meets the filter `{one}`",
                expected=f"one of {', '.join(some)}{more}"
                if known
                else "no filter: this bundle's items have no feature to filter by",
                received=one,
                action=f"did you mean `{near[0]}`?" if near else "choose another one, or leave --filter out",
            )


def unknown_items(item_ids: Iterable[str], catalogue: Mapping[str, Any]) -> list[str]:
    """The ids that the catalogue does not have."""
    known = {item["id"] for item in catalogue.get("items", [])}
    return [item_id for item_id in item_ids if item_id not in known] if known else []


def answer_as_mapping(
    user: str, model: str, answer: Any, explanations: Sequence[Explanation] | None = None
) -> dict[str, Any]:
    """The answer for machines; with `reasons` of each item where it was explained."""
    reasons = [{"reasons": one.as_list()} for one in explanations] if explanations is not None else None
    return {
        "user_id": user,
        "model": model,
        "source": answer.source,
        "items": [
            {
                "item_id": item.id,
                "title": item.title,
                "score": item.score,
                "predicted_rating": item.predicted_rating,
                **(reasons[position] if reasons is not None else {}),
            }
            for position, item in enumerate(answer.items)
        ],
    }


def print_answer(
    console: Console, user: str, model: str, answer: Any, explanations: Sequence[Explanation] | None = None
) -> None:
    """The answer for a person."""
    from pipelines.terminal.summary_lines import line, stars_text

    line(
        console, f"{'User ' + user if user else 'A person without an id'}: {SOURCES.get(answer.source, answer.source)}"
    )
    table = Table()
    table.add_column("", justify="right")
    table.add_column("id")
    table.add_column("title")
    table.add_column("score", justify="right")
    table.add_column("stars", justify="right")
    for position, item in enumerate(answer.items, start=1):
        stars = stars_text(item.predicted_rating)
        table.add_row(str(position), Text(item.id), Text(item.title), f"{item.score:.3f}", stars)
    if answer.items:
        console.print(table)
        if explanations is not None:
            print_explanations(console, answer, explanations)
    else:
        line(console, "No item is left: each is already known to the person, excluded, or ruled out by the filters.")
    line(console, f"Model: {model}")
