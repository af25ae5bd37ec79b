"""Why a movie was recommended: the movies of the history that pulled it in, and the genres they share with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from components.errors import InputError
from pipelines.cli.answering import Answering
from serving.contract import EXPLAIN, FROM_POPULARITY

if TYPE_CHECKING:
    from serving.model import Answer, Reason


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why one movie was recommended.

    Attributes:
      reasons: Movies of the history, those that add most first; none where nothing speaks for the movie but itself.
      shared_genres: Of each reason, the genres that it shares with the movie; none where the catalogue is unknown.
    """

    reasons: Sequence[Reason]
    shared_genres: Sequence[Sequence[str]]

    def as_list(self) -> list[dict[str, Any]]:
        """The reasons for machines."""
        return [
            {
                "movie_id": reason.id,
                "title": reason.title,
                "score": reason.score,
                "share": reason.share,
                "shared_genres": list(genres),
            }
            for reason, genres in zip(self.reasons, self.shared_genres, strict=True)
        ]


def explain(asked: Answering, user: str, history: Sequence[tuple[str, float]], answer: Answer) -> list[Explanation]:
    """Asks why each movie of an answer was recommended.

    Args:
      asked: Who answers.
      user: A user, "" for a person without an id.
      history: Movie ids with stars that the question gave.
      answer: The answer to it.

    Raises:
      InputError: A bundle that cannot explain.
    """
    movie_ids = [movie.id for movie in answer.movies]
    if answer.source == FROM_POPULARITY or not movie_ids:
        return [Explanation(reasons=[], shared_genres=[]) for _ in movie_ids]
    signatures = getattr(asked.recommender, "signatures", None)  # a server is asked and says so itself
    if signatures is not None and EXPLAIN not in signatures:
        raise InputError(
            f"the bundle {asked.name} cannot explain",
            expected=f"a bundle with the signature `{EXPLAIN}`",
            received="one of an earlier version of this project",
            action="make the bundle anew: recommender run; or leave --explain out",
        )
    genres = {movie["id"]: movie["genres"] for movie in asked.catalogue.get("movies", [])}
    found = asked.recommender.explain(user, movie_ids, history)
    return [
        Explanation(reasons=reasons, shared_genres=[_shared(genres, movie_id, reason.id) for reason in reasons])
        for movie_id, reasons in zip(movie_ids, found, strict=True)
    ]


def print_explanations(console: Console, answer: Answer, explanations: Sequence[Explanation]) -> None:
    """The reasons for a person, under the list."""
    from pipelines.printout import line

    if answer.source == FROM_POPULARITY:
        line(console, "No reasons: the list is the same for everybody of whom nothing is known.")
        return
    for position, (movie, one) in enumerate(zip(answer.movies, explanations, strict=True), start=1):
        line(
            console,
            f"{position:>3}  {movie.title}"
            + ("" if one.reasons else ": nothing of the history speaks for it, it is popular"),
        )
        for reason, genres in zip(one.reasons, one.shared_genres, strict=True):
            both = f"  (both {', '.join(genres)})" if genres else ""
            line(console, f"     {reason.share:>4.0%}  {reason.title}{both}")


def _shared(genres: Mapping[str, Sequence[str]], movie_id: str, other_id: str) -> list[str]:
    """In the order of the recommended movie."""
    others = genres.get(other_id, ())
    return [genre for genre in genres.get(movie_id, ()) if genre in others]
