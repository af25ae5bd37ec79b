"""What every source hands over: facts, blocks of rows in arrays, and the catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.object_]

BLOCK_ROWS = 65_536
NO_GENRES = "(no genres listed)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What is known of a source from its columns, before its rows are read.

    Attributes:
      name: The source in words.
      has_ratings: Whether rows carry ratings; where not, every rating is 1.0.
      has_timestamps: Whether rows carry a time; where not, every timestamp is 0.
      presplit: Whether the source is three files already.
    """

    name: str
    has_ratings: bool
    has_timestamps: bool
    presplit: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coded:
    """Ids of a block, each text once: row `i` has the id `values[codes[i]]`.

    Attributes:
      values: The distinct ids as bytes.
      codes: int32, `[rows]`.
    """

    values: list[bytes]
    codes: Ints


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive interactions.

    Attributes:
      users: User ids.
      movies: Movie ids.
      ratings: float32 stars, `[rows]`.
      timestamps: int64 Unix seconds, `[rows]`.
    """

    users: Coded
    movies: Coded
    ratings: Floats
    timestamps: Longs

    def __len__(self) -> int:
        return len(self.ratings)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Movies:
    """The catalogue as a source has it, in the source's order.

    Attributes:
      ids: bytes, distinct.
      titles: UTF-8 bytes, one a movie.
      genres: UTF-8 bytes, a list a movie.
    """

    ids: list[bytes] = dataclasses.field(default_factory=list)
    titles: list[bytes] = dataclasses.field(default_factory=list)
    genres: list[list[bytes]] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, movie_id: bytes, title: bytes, genres: list[bytes]) -> None:
        """Appends one movie."""
        self.ids.append(movie_id)
        self.titles.append(title)
        self.genres.append(genres)


class Source(Protocol):
    """Where interactions and the catalogue come from."""

    def facts(self) -> SourceFacts:
        """What the columns tell; reads no more than the head of each file."""

    def fingerprint(self) -> str:
        """sha256 that changes whenever the data changes."""

    def blocks(self, part: str = "train") -> Iterator[Block]:
        """All interactions in file order; of one of three files where the source is presplit.

        Raises:
          InputError: A row that cannot be used, with its file and row number.
        """

    def movies(self) -> Movies | None:
        """The catalogue, or None where the source has none."""


def coded(values: Any, codes: Any) -> Coded:
    """A Coded from the two tensors of `tf.unique`."""
    return Coded(values=list(values.numpy()), codes=codes.numpy())


def split_genres(text: str) -> list[bytes]:
    """Genres from one text like `Drama|War`; none from an empty one or MovieLens' placeholder."""
    return [genre.strip().encode() for genre in text.split("|") if genre.strip() and genre.strip() != NO_GENRES]
