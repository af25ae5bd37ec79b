"""The movies on a plane, as the retrieval model places them: similar ones lie together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from components.report.report import Report
from components.report.section import Section, section

COLOURS = 9
"""Genres with a colour of their own; everything else is `OTHER`."""

OTHER = "other"
LISTED = 25
DECIMALS = 4

METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def movie_map(report: Report) -> Section | None:
    """The map's data for the page's script, its legend, and a table for those who do not see it."""
    found = report.facts.movie_map
    if found is None or not found["movies"]:
        return None
    movies = found["movies"]
    coloured = common_genres(movies)
    by_id = {movie["movie_id"]: movie for movie in movies}
    return section(
        "movie_map",
        "Map of the movies",
        method=METHODS.get(found["method"], found["method"]),
        shown=len(movies),
        catalogue=found.get("catalogue", len(movies)),
        data=drawn(movies, coloured),
        genres=[(genre, f"genre-{number}") for number, genre in enumerate([*coloured, OTHER])],
        listed=[
            (movie["title"], [by_id[other]["title"] for other in movie["neighbours"][:5] if other in by_id])
            for movie in sorted(movies, key=lambda movie: -movie["rows"])[:LISTED]
        ],
    )


def common_genres(movies: Sequence[Mapping[str, Any]]) -> list[str]:
    """The genres that get a colour, the most common first; equally common ones by name."""
    counts = Counter(genre for movie in movies for genre in movie["genres"])
    return sorted(counts, key=lambda genre: (-counts[genre], genre))[:COLOURS]


def main_genre(genres: Sequence[str], coloured: Sequence[str]) -> int:
    """Position of the movie's main genre: of those with a colour, the rarest, which says most; else that of `OTHER`.

    Args:
      genres: Of the movie; their order says nothing, MovieLens writes them by the alphabet.
      coloured: The genres with a colour, the most common first.
    """
    return max((coloured.index(genre) for genre in genres if genre in coloured), default=len(coloured))


def drawn(movies: Sequence[Mapping[str, Any]], coloured: Sequence[str]) -> dict[str, list[Any]]:
    """The movies column by column, places from 0 to 1 with the sides' ratio kept, neighbours as positions."""
    position = {movie["movie_id"]: number for number, movie in enumerate(movies)}
    xs, ys = [movie["x"] for movie in movies], [movie["y"] for movie in movies]
    wide = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    left, bottom = ((max(axis) + min(axis) - wide) / 2 for axis in (xs, ys))
    return {
        "titles": [movie["title"] for movie in movies],
        "genres": [movie["genres"] for movie in movies],
        "colours": [main_genre(movie["genres"], coloured) for movie in movies],
        "x": [round((x - left) / wide, DECIMALS) for x in xs],
        "y": [round((y - bottom) / wide, DECIMALS) for y in ys],
        "rows": [movie["rows"] for movie in movies],
        "neighbours": [[position[other] for other in movie["neighbours"] if other in position] for movie in movies],
    }
