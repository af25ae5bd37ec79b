"""What the rating model reads of every movie of the catalogue: its index, its genres, its era."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from components.examples import Ints
from components.ranking.index_lists import IndexLists

FIRST_YEAR = 1900
YEARS_PER_ERA = 5
ERAS = 32  # 0 = the title names no year, 1 = before 1905, ..., the last one is open


@dataclasses.dataclass(frozen=True, kw_only=True)
class MovieFeatures:
    """Features of all movies; a position is a catalogue row.

    Attributes:
      movie_index: int32, `[movies]`; `known_movies` stands for a movie without training rows.
      genres: One list of genre indices a movie; `known_genres` stands for an unknown genre.
      eras: int32, `[movies]`, below `ERAS`.
      known_movies: Size of the movie vocabulary.
      known_genres: Size of the genre vocabulary.
    """

    movie_index: Ints
    genres: IndexLists
    eras: Ints
    known_movies: int
    known_genres: int

    def __len__(self) -> int:
        return len(self.movie_index)


def era_of(years: Any) -> Ints:
    """Eras of release years (integers, 0 = unknown): buckets of five years."""
    years = np.asarray(years, np.int64)
    bucket = np.clip((years - FIRST_YEAR) // YEARS_PER_ERA, 0, ERAS - 2) + 1
    return np.where(years > 0, bucket, 0).astype(np.int32)
