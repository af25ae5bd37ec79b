"""Training rows as the rating model needs them: each user's history, each item's raters, and the rows.

A *user row* is a position in `sequences`; one more, the last, stands for everybody else. Only
training rows enter histories and raters. Whether a training row itself lies within the cut history
of its user, or within the cut raters of its item, is kept with the row, so that the model can
leave a target out of what it is predicted from.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from components.examples import Floats, Interactions, Ints, Longs, Strings, UserSequences
from components.ragged import Lists
from components.ranking.item_features import ItemFeatures
from components.ranking.user_content import UserContent, user_content
from components.training.users import Users

Bools = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RatingRows:
    """Ratings to be learned or judged.

    Attributes:
      user_rows: int32 user rows, `[rows]`.
      item_rows: int32 catalogue rows, `[rows]`.
      ratings: float32 stars, `[rows]`.
      in_history: Whether the row's item is in its user's list of `KnownRatings.histories`, `[rows]`.
      in_raters: Whether the row's user is in its item's list of `KnownRatings.raters`, `[rows]`.
    """

    user_rows: Ints
    item_rows: Ints
    ratings: Floats
    in_history: Bools
    in_raters: Bools

    def __len__(self) -> int:
        return len(self.ratings)

    def take(self, positions: Longs) -> RatingRows:
        """The rows at `positions`, in that order."""
        arrays = {field.name: getattr(self, field.name)[positions] for field in dataclasses.fields(self)}
        return RatingRows(**arrays)


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnownRatings:
    """What training rows tell of users and items.

    Attributes:
      user_index: int32, `[user rows]`; `known_users` for an unknown user, and for the last user row.
      histories: One list of item indices a user row, oldest first.
      raters: One list of user indices a catalogue row, oldest first.
      rows: The training rows.
      known_users: Size of the user vocabulary.
      content: Features of the user rows.
      new: Positions in `rows` of those that weights do not know yet from which a training starts.
    """

    user_index: Ints
    histories: Lists
    raters: Lists
    rows: RatingRows
    known_users: int
    content: UserContent
    new: Longs = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))


def known_ratings(
    sequences: UserSequences,
    user_index: Ints,
    items: ItemFeatures,
    *,
    known_users: int,
    history_length: int,
    raters: int,
    users: Users | None = None,
) -> KnownRatings:
    """Lays out training rows.

    Args:
      sequences: Training rows of each user, oldest first.
      user_index: int32, `[users]`, index of each of `sequences.user_ids`.
      items: Features of the catalogue.
      known_users: Size of the user vocabulary.
      history_length: Most recent rows that a history keeps.
      raters: Most recent raters that an item keeps; on undated data the last in user order.
      users: Features of all users; None: they have none.
    """
    lists = sequences.items
    user_rows = np.repeat(np.arange(len(lists), dtype=np.int32), np.diff(lists.row_splits))
    in_history = _within_last(lists.row_splits, history_length)
    # Stable, so rows of the same moment keep the order of the users.
    order = (
        np.lexsort((lists.timestamps, lists.rows)) if len(lists.timestamps) else np.argsort(lists.rows, kind="stable")
    )
    item_splits = np.concatenate([[0], np.cumsum(np.bincount(lists.rows, minlength=len(items)))])
    in_raters = np.empty(len(order), np.bool_)
    in_raters[order] = _within_last(item_splits, raters)
    kept = order[in_raters[order]]
    return KnownRatings(
        user_index=np.append(user_index, known_users).astype(np.int32),
        histories=Lists(
            row_splits=_cut_splits(np.append(lists.row_splits, lists.row_splits[-1]), history_length),
            values=items.item_index[lists.rows[in_history]],
        ),
        raters=Lists(row_splits=_cut_splits(item_splits, raters), values=user_index[user_rows[kept]].astype(np.int32)),
        rows=RatingRows(
            user_rows=user_rows,
            item_rows=lists.rows,
            ratings=lists.ratings,
            in_history=in_history,
            in_raters=in_raters,
        ),
        known_users=known_users,
        content=user_content(users, sequences.user_ids),
    )


def held_out_rows(interactions: Interactions, user_ids: Strings) -> RatingRows:
    """Rows of a split that training does not see; rows of items outside the catalogue are left out.

    Args:
      interactions: The rows.
      user_ids: Users with training rows, in the order of the user rows.
    """
    row_of = {user: row for row, user in enumerate(user_ids)}
    user_rows = np.fromiter((row_of.get(user, len(row_of)) for user in interactions.user_ids), np.int32)
    listed = interactions.item_rows >= 0
    nowhere = np.zeros(int(listed.sum()), np.bool_)
    return RatingRows(
        user_rows=user_rows[listed],
        item_rows=interactions.item_rows[listed],
        ratings=interactions.ratings[listed],
        in_history=nowhere,
        in_raters=nowhere,
    )


def _within_last(splits: Longs, length: int) -> Bools:
    """Whether each value is among the last `length` of its list."""
    lengths = np.diff(splits)
    from_end = np.repeat(splits[1:], lengths) - np.arange(splits[-1])
    return np.asarray(from_end <= length)


def _cut_splits(splits: Longs, length: int) -> Longs:
    cut: Longs = np.concatenate([[0], np.cumsum(np.minimum(np.diff(splits), length))]).astype(np.int64)
    return cut
