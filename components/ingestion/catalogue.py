"""The catalogue of a source, completed by the movies that only its ratings name."""

from __future__ import annotations

from components import features
from components.errors import InputError
from components.ingestion.blocks import Movies, Source
from components.ingestion.interactions import IdTable
from components.ingestion.rates import RateReporter
from components.progress import report, warn


def complete_catalogue(source: Source) -> tuple[Movies, int]:
    """Every movie that can occur: the source's catalogue in its order, then rated movies it lacks, by id.

    A rated movie that the catalogue lacks has its id as title and no genres.

    Returns:
      The movies, and how many of them the source's own catalogue lacks (0 where it has none at all).

    Raises:
      InputError: A row of either file that cannot be used, or a catalogue of other movies altogether.
    """
    catalogue = source.movies()
    movies = catalogue or Movies()
    rated = _rated_ids(source)
    known = set(movies.ids)
    added = sorted(rated - known)
    if catalogue is None:
        report("no catalogue was given: the %d movie ids of the ratings stand for their titles", len(added))
    elif len(added) == len(rated):
        raise _nothing_in_common(movies, added)
    elif added:
        warn(
            "%d rated movies are not in the catalogue, for instance %s: they were added with their id as title",
            len(added),
            ", ".join(movie_id.decode() for movie_id in added[:3]),
        )
    for movie_id in added:
        movies.add(movie_id, movie_id, [])
    return movies, 0 if catalogue is None else len(added)


def _rated_ids(source: Source) -> set[bytes]:
    table = IdTable()
    progress = RateReporter("reading movies of the ratings")
    for part in features.SPLITS if source.facts().presplit else features.SPLITS[:1]:
        for block in source.blocks(part):
            table.add(block.movies)
            progress.add(len(block))
    progress.finish()
    return set(table.ids())


def _nothing_in_common(movies: Movies, added: list[bytes]) -> InputError:
    return InputError(
        "not one rated movie is in the catalogue",
        expected=f"ids as the catalogue has them, such as {movies.ids[0].decode()!r}",
        received=f"ids such as {added[0].decode()!r} in the ratings",
        action="check that both files belong together and that --columns item=… names the right column",
    )
