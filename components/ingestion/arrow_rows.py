"""Held-out interactions, user sequences and entities as Arrow record batches, ready for the encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components import features
from components.examples import Ints, Longs
from components.feature_specs import FILTERED, ITEM, USER, FeatureSpec, columns_of_context, of
from components.features import NEW_USER_PART, TEST_PART
from components.ingestion import contexts
from components.ingestion.contexts import Combinations
from components.ingestion.histories import UserRanges, marked, ranges
from components.ingestion.interactions import Rows
from components.ingestion.items import ItemRecords
from components.ingestion.own_columns import Values
from components.ingestion.seen import left_out
from components.ingestion.users import UserRecords
from components.seen_rule import SeenRule

BATCH_ROWS = 4_096  # a row with its history is a hundred times as large as one without

Columns = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Texts:
    """What rows of numbers are written as.

    Attributes:
      user_ids: Arrow large_binary `[users]`, all users.
      item_ids: Arrow large_binary `[items]`.
      titles: Arrow large_binary `[items]`.
      genres: Arrow large_list of large_binary `[items]`.
      popularity: Arrow large_binary `[items]`: bucket of each item's fitted rows.
      of_items: By name in an Example, Arrow large_list of large_binary `[items]`: features by which figures are sliced.
      of_users: The same `[users]`.
      of_contexts: By name in an Example, Arrow large_binary `[combinations]`: features of the context of a row.
    """

    user_ids: Any
    item_ids: Any
    titles: Any
    genres: Any
    popularity: Any
    of_items: Columns
    of_users: Columns
    of_contexts: Columns

    @classmethod
    def of(
        cls,
        user_ids: Sequence[bytes],
        items: ItemRecords,
        fitted: Longs,
        users: UserRecords,
        specs: Sequence[FeatureSpec],
        combinations: Combinations,
    ) -> Texts:
        """Texts of all users and items; `fitted` are the rows of each item that the judged models learn from."""
        sliced = [spec for spec in specs if spec.kind in FILTERED]
        return cls(
            user_ids=_bytes_array(user_ids),
            item_ids=_bytes_array(items.ids),
            titles=_bytes_array(items.titles),
            genres=pa.array(items.genres, pa.large_list(pa.large_binary())),
            popularity=buckets(fitted, features.ITEM_POPULARITY_BUCKETS),
            of_items=feature_columns(items.features, of(sliced, ITEM)),
            of_users=feature_columns(users.features, of(sliced, USER)),
            of_contexts={
                spec.raw: _bytes_array(contexts.column(combinations, specs, spec)) for spec in columns_of_context(specs)
            },
        )


class BlockBatches:
    """Record batches of a block of whole users.

    Args:
      rows: Interactions with their parts, by user, each user's oldest first.
      texts: Ids, titles and genres.
      last_fitted: The last part whose rows the judged models are fit on; the buckets of activity count those rows.
      requests: int32 `[users of the block]`: how many interactions a new user's question carries, 0 for known users.
      seen: What a list leaves out.
      liked_from: Rows rated below are no answer to ask for; None: every row is.
      weighted: Whether rows carry weights.
    """

    def __init__(
        self,
        rows: Rows,
        texts: Texts,
        last_fitted: int,
        requests: Ints,
        seen: SeenRule,
        *,
        liked_from: float | None = None,
        weighted: bool = False,
    ) -> None:
        self._rows = rows
        self._texts = texts
        self._requests = requests
        self._seen = seen
        self._liked = np.ones(len(rows), np.bool_) if liked_from is None else rows.ratings >= liked_from
        self._weighted = weighted
        fitted = np.bincount(rows.users[rows.parts <= last_fitted], minlength=rows.user_count)
        self._activity = buckets(fitted, features.USER_ACTIVITY_BUCKETS)

    def held_out(self, part: int, history_length: int) -> Iterator[Any]:
        """Rows of eval or test, by user and oldest first, with what was known of the user.

        Rows of eval, which no served model is asked about, carry no histories but the seen items.
        """
        rows = self._rows
        # New users have no rows in train and eval: what came before their test rows is a part of its own.
        known = ranges(rows, (rows.parts < part) | (rows.parts == NEW_USER_PART))
        asked = ranges(rows, rows.parts == part)
        wanted = ranges(rows, (rows.parts == part) & self._liked)
        is_marked = marked(rows.users[asked.positions])
        for start in range(0, len(asked.positions), BATCH_ROWS):
            block = slice(start, start + BATCH_ROWS)
            positions = asked.positions[block]
            users = rows.users[positions]
            marked_users = np.where(is_marked[block], users, -1)
            requests = self._requests[users]
            most = np.where(requests > 0, requests, len(rows))
            histories = self._histories(known, users, np.minimum(most, history_length)) if part == TEST_PART else {}
            moments = rows.timestamps[positions]
            seen, seen_offsets = left_out(self._seen, rows, known, marked_users, most, moments)
            held_out, held_out_offsets = distinct(rows.items, *wanted.of(marked_users))
            yield _record_batch(
                {
                    **self._interactions(positions),
                    **histories,
                    features.HELD_OUT_ITEM_IDS: self._items_of(held_out, held_out_offsets),
                    features.SEEN_ITEM_IDS: self._items_of(seen, seen_offsets),
                    **self._request_sizes(requests),
                }
            )

    def sequences(self) -> Iterator[Any]:
        """One row a user: every row in order, with its part."""
        rows = self._rows
        everything: UserRanges = ranges(rows, np.ones(len(rows), np.bool_))
        users = np.flatnonzero(everything.counts()).astype(np.int32)
        for start in range(0, len(users), BATCH_ROWS):
            block = users[start : start + BATCH_ROWS]
            positions, offsets = everything.of(block)
            columns = {
                features.USER_ID: _singles(self._user_ids(block)),
                features.SEQUENCE_ITEM_IDS: self._items_of(positions, offsets),
                features.SEQUENCE_RATINGS: _lists(pa.array(rows.ratings[positions]), offsets),
                features.SEQUENCE_TIMESTAMPS: _lists(pa.array(rows.timestamps[positions]), offsets),
                features.SEQUENCE_PARTS: _singles(_byte_strings(rows.parts[positions].astype(np.uint8), offsets)),
            }
            for name, values in self._texts.of_contexts.items():
                listed = values.take(pa.array(rows.contexts[positions]))
                columns[features.sequence_of(name)] = _lists(listed, offsets)
            if self._weighted:
                columns[features.SEQUENCE_WEIGHTS] = _lists(pa.array(rows.weights[positions]), offsets)
            yield _record_batch(columns)

    def _histories(self, known: UserRanges, users: Ints, most: Longs | Ints) -> Columns:
        positions, offsets = known.of(users, most)
        return {
            features.HISTORY_ITEM_IDS: self._items_of(positions, offsets),
            features.HISTORY_RATINGS: _lists(pa.array(self._rows.ratings[positions]), offsets),
        }

    def _request_sizes(self, requests: Ints) -> Columns:
        """The column of new users' rows; none where everybody is known."""
        if not self._requests.any():
            return {}
        offsets = np.concatenate([[0], np.cumsum(requests > 0)])
        return {features.REQUEST_HISTORY: _lists(_bytes_array([b"%d" % n for n in requests if n]), offsets)}

    def _interactions(self, positions: Longs) -> Columns:
        rows, texts = self._rows, self._texts
        users, items = rows.users[positions], pa.array(rows.items[positions])
        return {
            features.USER_ID: _singles(self._user_ids(users)),
            features.ITEM_ID: _singles(texts.item_ids.take(items)),
            features.RATING: _singles(pa.array(rows.ratings[positions])),
            features.TIMESTAMP: _singles(pa.array(rows.timestamps[positions])),
            features.ITEM_TITLE: _singles(texts.titles.take(items)),
            features.ITEM_GENRES: texts.genres.take(items),
            features.USER_ACTIVITY: _singles(self._activity.take(pa.array(users))),
            features.ITEM_POPULARITY: _singles(texts.popularity.take(items)),
            **{name: column.take(items) for name, column in texts.of_items.items()},
            **{name: column.take(self._places(users)) for name, column in texts.of_users.items()},
            **{
                name: _singles(column.take(pa.array(rows.contexts[positions])))
                for name, column in texts.of_contexts.items()
            },
        }

    def _user_ids(self, users: Ints) -> Any:
        return self._texts.user_ids.take(self._places(users))

    def _places(self, users: Ints) -> Any:
        """Positions of users of the block among all users."""
        return pa.array(self._rows.first_user + users.astype(np.int64))

    def _items_of(self, positions: Longs, offsets: Longs) -> Any:
        return _lists(self._texts.item_ids.take(pa.array(self._rows.items[positions])), offsets)


def item_batches(items: ItemRecords, rows: Longs, specs: Sequence[FeatureSpec]) -> Iterator[Any]:
    """The whole catalogue in its order, each item with its rows."""
    for start in range(0, max(1, len(items)), BATCH_ROWS):
        block = slice(start, start + BATCH_ROWS)
        yield _record_batch(
            {
                features.ITEM_ID: _singles(_bytes_array(items.ids[block])),
                features.ITEM_TITLE: _singles(_bytes_array(items.titles[block])),
                features.ITEM_GENRES: pa.array(items.genres[block], pa.large_list(pa.large_binary())),
                features.ROWS: _singles(pa.array(rows[block])),
                **feature_columns(items.features, specs, block),
            }
        )


def user_batches(users: UserRecords, rows: Longs, specs: Sequence[FeatureSpec]) -> Iterator[Any]:
    """Every user, in their order, each with the number of its rows."""
    for start in range(0, len(users), BATCH_ROWS):
        block = slice(start, start + BATCH_ROWS)
        yield _record_batch(
            {
                features.USER_ID: _singles(_bytes_array(users.ids[block])),
                features.ROWS: _singles(pa.array(rows[block])),
                **feature_columns(users.features, specs, block),
            }
        )


def feature_columns(values: Mapping[str, Values], specs: Iterable[FeatureSpec], block: slice = slice(None)) -> Columns:
    """Columns of one's own by their names in an Example: large_list of large_binary or float32 `[block]` each."""
    return {
        spec.raw: pa.array(
            values[spec.name][block], pa.large_list(pa.float32() if spec.is_float else pa.large_binary())
        )
        for spec in specs
        if not spec.is_standard_column
    }


def distinct(items: Ints, positions: Longs, offsets: Longs) -> tuple[Longs, Longs]:
    """The same lists of positions with each item once in a list, where it stands first."""
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    pairs = owner * (int(items.max(initial=0)) + 1) + items[positions]
    _, first = np.unique(pairs, return_index=True)
    kept = np.sort(first)
    return positions[kept], np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=len(offsets) - 1))])


def buckets(counts: npt.NDArray[np.integer[Any]], names: Sequence[tuple[str, int | None]]) -> Any:
    """The name of the bucket of each count, as Arrow large_binary."""
    largest = [size for _, size in names if size is not None]
    texts = _bytes_array([name.encode() for name, _ in names])
    return texts.take(pa.array(np.searchsorted(largest, counts, side="left")))


def _bytes_array(values: Sequence[bytes] | npt.NDArray[np.object_]) -> Any:
    return pa.array(values, pa.large_binary())


def _singles(values: Any) -> Any:
    """Each value as a list of one."""
    return pa.LargeListArray.from_arrays(pa.array(np.arange(len(values) + 1)), values)


def _lists(values: Any, offsets: Longs) -> Any:
    return pa.LargeListArray.from_arrays(pa.array(offsets), values)


def _byte_strings(values: npt.NDArray[np.uint8], offsets: Longs) -> Any:
    """Each list as one string of bytes."""
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _record_batch(columns: Columns) -> Any:
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
