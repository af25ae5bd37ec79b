"""Interactions, user sequences and movies as Arrow record batches, ready for the encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components import features
from components.examples import Catalogue
from components.ingestion.blocks import Ints, Longs
from components.ingestion.histories import UserRanges, before_part, marked, within_part, within_parts
from components.ingestion.interactions import TRAIN_PART, Rows
from components.ingestion.new_users import NEW_USER_PART

TRAIN_BLOCK_ROWS = 65_536
HELD_OUT_BLOCK_ROWS = 4_096  # a row with its history is a hundred times as large

Columns = dict[str, Any]


class ExampleRows:
    """Makes record batches of the rows of each part.

    Args:
      rows: Interactions with their parts, by user, each user's oldest first.
      catalogue: Movies by catalogue row.
      last_fitted: The last part whose rows the judged models are fit on; the buckets count those rows.
      requests: int32 `[users]`: how many interactions a new user's question carries, 0 for known users;
        None: all are known.
    """

    def __init__(
        self, rows: Rows, catalogue: Catalogue, last_fitted: int = TRAIN_PART, requests: Ints | None = None
    ) -> None:
        self._rows = rows
        self._requests = np.zeros(len(rows.user_ids), np.int32) if requests is None else requests
        self._user_ids = _bytes_array(rows.user_ids)
        self._movie_ids = _bytes_array(catalogue.movie_ids)
        self._titles = _bytes_array(catalogue.titles)
        self._genres = pa.array(catalogue.genres, pa.large_list(pa.large_binary()))
        fitted = rows.parts <= last_fitted
        self._activity = _buckets(
            np.bincount(rows.users[fitted], minlength=len(rows.user_ids)), features.USER_ACTIVITY_BUCKETS
        )
        self._popularity = _buckets(
            np.bincount(rows.movies[fitted], minlength=len(catalogue)), features.MOVIE_POPULARITY_BUCKETS
        )

    def train(self, seed: int) -> Iterator[Any]:
        """Training rows in a shuffled order, so that a reader's small shuffle buffer is enough."""
        positions = np.random.default_rng(seed).permutation(np.flatnonzero(self._rows.parts == TRAIN_PART))
        for start in range(0, len(positions), TRAIN_BLOCK_ROWS):
            yield _record_batch(self._interactions(positions[start : start + TRAIN_BLOCK_ROWS]))

    def held_out(self, part: int, history_length: int) -> Iterator[Any]:
        """Rows of eval or test, by user and oldest first, with what was known of the user."""
        rows = self._rows
        # New users have no rows in train and eval: what came before their test rows is a part of its own.
        known = within_parts(rows, (rows.parts < part) | (rows.parts == NEW_USER_PART))
        asked = within_part(rows, rows.parts, part)
        is_marked = marked(rows.users[asked.positions])
        for start in range(0, len(asked.positions), HELD_OUT_BLOCK_ROWS):
            block = slice(start, start + HELD_OUT_BLOCK_ROWS)
            positions = asked.positions[block]
            users = rows.users[positions]
            marked_users = np.where(is_marked[block], users, -1)
            requests = self._requests[users]
            most = np.where(requests > 0, requests, len(rows))
            history, history_offsets = known.of(users, np.minimum(most, history_length))
            seen, seen_offsets = known.of(marked_users, most)
            held_out, held_out_offsets = asked.of(marked_users)
            yield _record_batch(
                {
                    **self._interactions(positions),
                    features.HISTORY_MOVIE_IDS: self._movies_of(history, history_offsets),
                    features.HISTORY_RATINGS: _lists(pa.array(rows.ratings[history]), history_offsets),
                    features.HELD_OUT_MOVIE_IDS: self._movies_of(held_out, held_out_offsets),
                    features.SEEN_MOVIE_IDS: self._movies_of(seen, seen_offsets),
                    **self._request_sizes(requests),
                }
            )

    def new_users(self) -> Iterator[Any]:
        """One row a new user: what came before the test rows, in order."""
        yield from self._sequences(within_part(self._rows, self._rows.parts, NEW_USER_PART))

    def _request_sizes(self, requests: Ints) -> Columns:
        """The column of new users' rows; none where everybody is known."""
        if not self._requests.any():
            return {}
        offsets = np.concatenate([[0], np.cumsum(requests > 0)])
        return {features.REQUEST_HISTORY: _lists(_bytes_array([b"%d" % n for n in requests if n]), offsets)}

    def users_with_rows(self, last: int) -> int:
        """Number of rows that `sequences(last)` makes."""
        return len(np.unique(self._rows.users[self._rows.parts <= last]))

    def sequences(self, last: int) -> Iterator[Any]:
        """One row a user who has rows in the parts up to `last`: these rows in order. Users by their ids."""
        yield from self._sequences(before_part(self._rows, self._rows.parts, last + 1))

    def _sequences(self, fitted: UserRanges) -> Iterator[Any]:
        rows = self._rows
        users = np.flatnonzero(fitted.counts()).astype(np.int32)
        for start in range(0, len(users), HELD_OUT_BLOCK_ROWS):
            block = users[start : start + HELD_OUT_BLOCK_ROWS]
            positions, offsets = fitted.of(block)
            yield _record_batch(
                {
                    features.USER_ID: _singles(self._user_ids.take(pa.array(block))),
                    features.SEQUENCE_MOVIE_IDS: self._movies_of(positions, offsets),
                    features.SEQUENCE_RATINGS: _lists(pa.array(rows.ratings[positions]), offsets),
                    features.SEQUENCE_TIMESTAMPS: _lists(pa.array(rows.timestamps[positions]), offsets),
                }
            )

    def _interactions(self, positions: Longs) -> Columns:
        rows = self._rows
        users, movies = pa.array(rows.users[positions]), pa.array(rows.movies[positions])
        return {
            features.USER_ID: _singles(self._user_ids.take(users)),
            features.MOVIE_ID: _singles(self._movie_ids.take(movies)),
            features.RATING: _singles(pa.array(rows.ratings[positions])),
            features.TIMESTAMP: _singles(pa.array(rows.timestamps[positions])),
            features.MOVIE_TITLE: _singles(self._titles.take(movies)),
            features.MOVIE_GENRES: self._genres.take(movies),
            features.USER_ACTIVITY: _singles(self._activity.take(users)),
            features.MOVIE_POPULARITY: _singles(self._popularity.take(movies)),
        }

    def _movies_of(self, positions: Longs, offsets: Longs) -> Any:
        return _lists(self._movie_ids.take(pa.array(self._rows.movies[positions])), offsets)


def movie_batch(ids: Sequence[bytes], titles: Sequence[bytes], genres: Sequence[Sequence[bytes]]) -> Any:
    """The whole catalogue as one record batch, in its order."""
    return _record_batch(
        {
            features.MOVIE_ID: _singles(_bytes_array(ids)),
            features.MOVIE_TITLE: _singles(_bytes_array(titles)),
            features.MOVIE_GENRES: pa.array(genres, pa.large_list(pa.large_binary())),
        }
    )


def _buckets(counts: npt.NDArray[np.integer[Any]], buckets: Sequence[tuple[str, int | None]]) -> Any:
    """The name of the bucket of each count."""
    largest = [size for _, size in buckets if size is not None]
    names = _bytes_array([name.encode() for name, _ in buckets])
    return names.take(pa.array(np.searchsorted(largest, counts, side="left")))


def _bytes_array(values: Sequence[bytes] | npt.NDArray[np.object_]) -> Any:
    return pa.array(values, pa.large_binary())


def _singles(values: Any) -> Any:
    """Each value as a list of one."""
    return pa.LargeListArray.from_arrays(pa.array(np.arange(len(values) + 1)), values)


def _lists(values: Any, offsets: Longs) -> Any:
    return pa.LargeListArray.from_arrays(pa.array(offsets), values)


def _record_batch(columns: Columns) -> Any:
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
