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
from serving.contract import DEFAULT_N, FROM_HISTORY, FROM_MODEL, FROM_POPULARITY, MAX_N

SOURCES = {
    FROM_MODEL: "from the model, by what is stored of this user",
    FROM_HISTORY: "from the model, by the history in the question",
    FROM_POPULARITY: "the most popular movies: nothing is known of this person",
}


@click.command()
@place_options
@click.option("--user", default="", help="Id of a user; leave it out for a person without one.")
@click.option("--n", type=WholeNumber(1, MAX_N), default=DEFAULT_N, show_default=True, help="Number of movies.")
@click.option("--genre", "genres", multiple=True, help="Only movies of this genre; repeatable, any of them.")
@click.option("--history", multiple=True, metavar="ID[:STARS],…", help="Movies the person knows, oldest first.")
@click.option("--exclude", multiple=True, metavar="ID,…", help="Movies to leave out.")
@click.option("--explain", "explained", is_flag=True, help="Say which movies of the history pulled each one in.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def query(
    user: str,
    n: int,
    genres: tuple[str, ...],
    history: tuple[str, ...],
    exclude: tuple[str, ...],
    explained: bool,
    as_json: bool,
    **place: Any,
) -> None:
    """Recommend movies to a user, or to a person who is described by a history."""
    rated = parse_history(comma_separated(history))
    if not user and not rated:
        raise InputError(
            "the question says nothing about the person",
            expected="--user ID, or --history with movies the person knows",
            action="for instance: recommender query --user 42, or recommender query --history 1,260:5,1210",
        )
    with answering(Place(**place)) as asked:
        if asked.genres is not None:
            check_genres(genres, asked.genres)
        unknown = unknown_movies((movie_id for movie_id, _ in rated), asked.catalogue)
        (answer,) = asked.recommender.recommend(
            [user], n=n, history=rated, exclude=comma_separated(exclude), genres=genres
        )
        explanations = explain(asked, user, rated, answer) if explained else None
    if unknown:
        click.echo(f"note: not in the catalogue and left out of the history: {', '.join(unknown)}", err=True)
    if as_json:
        click.echo(json.dumps(answer_as_mapping(user, asked.name, answer, explanations), ensure_ascii=False, indent=2))
    else:
        print_answer(console_for(sys.stdout), user, asked.name, answer, explanations)


def parse_history(parts: tuple[str, ...]) -> list[tuple[str, float]]:
    """`1`, `260:4.5` as movie ids with stars; 0 = not rated.

    Raises:
      InputError: Stars that are no number.
    """
    return [_rated(part) for part in parts]


def _rated(part: str) -> tuple[str, float]:
    movie_id, colon, stars = part.partition(":")
    if not colon:
        return movie_id, 0.0
    if stars.isascii() and stars.replace(".", "", 1).isdigit() and movie_id:
        return movie_id, float(stars)
    raise InputError(
        f"cannot read the history entry `{part}`",
        expected="a movie id, or movie id:stars, for instance 260:4.5",
        received=part,
        action="write --history 1,260:4.5",
    )


def check_genres(asked: Sequence[str], known: Sequence[str]) -> None:
    """Raises an InputError about a genre that no movie has."""
    for genre in asked:
        if genre not in known:
            near = difflib.get_close_matches(genre, known, n=1, cutoff=0.4)
            raise InputError(
                f"no movie has the genre `{genre}`",
                expected="one of " + ", ".join(known) if known else "no genre: the catalogue has none",
                received=genre,
                action=f"did you mean `{near[0]}`?" if near else "choose another one, or leave --genre out",
            )


def unknown_movies(movie_ids: Iterable[str], catalogue: Mapping[str, Any]) -> list[str]:
    """The ids that the catalogue does not have."""
    known = {movie["id"] for movie in catalogue.get("movies", [])}
    return [movie_id for movie_id in movie_ids if movie_id not in known] if known else []


def answer_as_mapping(
    user: str, model: str, answer: Any, explanations: Sequence[Explanation] | None = None
) -> dict[str, Any]:
    """The answer for machines; with `reasons` of each movie where it was explained."""
    reasons = [{"reasons": one.as_list()} for one in explanations] if explanations is not None else None
    return {
        "user_id": user,
        "model": model,
        "source": answer.source,
        "movies": [
            {
                "movie_id": movie.id,
                "title": movie.title,
                "score": movie.score,
                "predicted_rating": movie.predicted_rating,
                **(reasons[position] if reasons is not None else {}),
            }
            for position, movie in enumerate(answer.movies)
        ],
    }


def print_answer(
    console: Console, user: str, model: str, answer: Any, explanations: Sequence[Explanation] | None = None
) -> None:
    """The answer for a person."""
    from pipelines.printout import line, stars_text

    line(
        console, f"{'User ' + user if user else 'A person without an id'}: {SOURCES.get(answer.source, answer.source)}"
    )
    table = Table()
    table.add_column("", justify="right")
    table.add_column("id")
    table.add_column("title")
    table.add_column("score", justify="right")
    table.add_column("stars", justify="right")
    for position, movie in enumerate(answer.movies, start=1):
        stars = stars_text(movie.predicted_rating)
        table.add_row(str(position), Text(movie.id), Text(movie.title), f"{movie.score:.3f}", stars)
    if answer.movies:
        console.print(table)
        if explanations is not None:
            print_explanations(console, answer, explanations)
    else:
        line(console, "No movie is left: every one is known, excluded or of another genre.")
    line(console, f"Model: {model}")
