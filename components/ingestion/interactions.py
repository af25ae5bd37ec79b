"""All interactions of a source as arrays, ids as numbers, in one order that no file order changes.

25 million interactions are 20 bytes each here and never Python strings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from components import features
from components.errors import InputError
from components.ingestion.blocks import Bytes, Coded, Floats, Ints, Longs, Source
from components.ingestion.rates import RateReporter

Parts = npt.NDArray[np.int8]

TRAIN_PART, EVAL_PART, TEST_PART = range(3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    """Interactions, one a position.

    Attributes:
      user_ids: bytes, `[users]`, sorted.
      users: int32 positions in `user_ids`, `[rows]`.
      movies: int32 catalogue rows, `[rows]`.
      ratings: float32 stars, `[rows]`.
      timestamps: int64 Unix seconds, `[rows]`.
      parts: int8, `[rows]`: 0 train, 1 eval, 2 test; all 0 until the rows are split.
    """

    user_ids: Bytes
    users: Ints
    movies: Ints
    ratings: Floats
    timestamps: Longs
    parts: Parts

    def __len__(self) -> int:
        return len(self.users)

    def take(self, positions: npt.NDArray[np.int64]) -> Rows:
        """The rows at `positions`, in that order."""
        return dataclasses.replace(
            self,
            users=self.users[positions],
            movies=self.movies[positions],
            ratings=self.ratings[positions],
            timestamps=self.timestamps[positions],
            parts=self.parts[positions],
        )

    def with_parts(self, parts: Parts) -> Rows:
        """The same rows, split."""
        return dataclasses.replace(self, parts=parts)

    def count(self, part: int) -> int:
        """Number of rows in a part."""
        return int(np.count_nonzero(self.parts == part))


class IdTable:
    """Numbers ids in the order in which they are first met."""

    def __init__(self, known: Iterable[bytes] = ()) -> None:
        self._numbers: dict[bytes, int] = {value: number for number, value in enumerate(known)}

    def __len__(self) -> int:
        return len(self._numbers)

    def ids(self) -> list[bytes]:
        """The ids in the order of their numbers."""
        return list(self._numbers)

    def add(self, ids: Coded) -> Ints:
        """The number of each row's id, new ids included."""
        numbers = self._numbers
        return np.array([numbers.setdefault(value, len(numbers)) for value in ids.values], np.int32)[ids.codes]


def read_rows(source: Source, movie_ids: Sequence[bytes]) -> Rows:
    """Reads every interaction, in file order; presplit data with their parts.

    Args:
      source: Where the interactions are.
      movie_ids: The catalogue; a movie's position is its catalogue row.

    Raises:
      InputError: A row that cannot be used, or a movie that the catalogue lacks.
    """
    facts = source.facts()
    users, movies = IdTable(), IdTable(movie_ids)
    columns: dict[str, list[npt.NDArray[np.generic]]] = {}
    progress = RateReporter("reading ratings")
    for part, name in enumerate(features.SPLITS if facts.presplit else features.SPLITS[:1]):
        for block in source.blocks(name):
            columns.setdefault("users", []).append(users.add(block.users))
            columns.setdefault("movies", []).append(movies.add(block.movies))
            columns.setdefault("ratings", []).append(block.ratings)
            columns.setdefault("timestamps", []).append(block.timestamps)
            columns.setdefault("parts", []).append(np.full(len(block), part, np.int8))
            progress.add(len(block))
    progress.finish()
    if len(movies) != len(movie_ids):
        raise InputError(
            f"{facts.name} holds movies that the catalogue made from it lacks: the data changed during the run",
            action="run the pipeline again",
        )
    arrays = {name: np.concatenate(columns.pop(name)) for name in list(columns)}
    user_ids, numbers = _sorted_ids(users.ids())
    arrays["users"] = numbers[arrays["users"]]
    return Rows(user_ids=user_ids, **arrays)  # type: ignore[arg-type]


def text_ranks(ids: Sequence[bytes]) -> Ints:
    """The position of each id among all ids sorted as text (bytewise)."""
    ranks = np.empty(len(ids), np.int32)
    ranks[np.array(sorted(range(len(ids)), key=ids.__getitem__), np.int64)] = np.arange(len(ids), dtype=np.int32)
    return ranks


def without_duplicates(rows: Rows) -> tuple[Rows, int]:
    """Keeps one row of each (user, movie) pair; also says how many were dropped.

    The first part that has the pair keeps it (what a model was trained on is no question to ask it),
    and within a part the latest row by time, then the last in the file.
    """
    pairs = rows.users.astype(np.int64) * (int(rows.movies.max(initial=0)) + 1) + rows.movies
    order = np.lexsort((rows.timestamps, -rows.parts, pairs))
    in_order = pairs[order]
    is_last = np.append(in_order[1:] != in_order[:-1], True)
    dropped = len(rows) - int(is_last.sum())
    return (rows.take(np.sort(order[is_last])), dropped) if dropped else (rows, 0)


def in_order(rows: Rows, movie_ids: Sequence[bytes]) -> Rows:
    """Rows by user, each user's oldest first; equal times by movie id as text."""
    return rows.take(np.lexsort((text_ranks(movie_ids)[rows.movies], rows.timestamps, rows.users)))


def _sorted_ids(ids: list[bytes]) -> tuple[Bytes, Ints]:
    """The ids sorted, and the new number of each old number."""
    array = np.empty(len(ids), dtype=object)
    array[:] = sorted(ids)
    return array, text_ranks(ids)
