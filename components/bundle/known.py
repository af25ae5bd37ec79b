"""What a bundle knows of every user: interactions, those that are no dislikes, and what a list leaves out."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from components.examples import RaggedRows, Strings, UserSequences
from components.features import TEST_PART
from components.seen_rule import ALWAYS, DAY_SECONDS, NEVER, SeenRule


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnownUsers:
    """Interactions of all users; list `i` of each belongs to user `i`, oldest first, and may be empty.

    Attributes:
      user_ids: bytes, `[users]`, sorted.
      interactions: What the served signatures may know.
      liked: Those of them that are no dislikes: what relevance follows from.
      left_out: Those of them that a list leaves out.
      content: What their features come to (components/transform/content.py): positions as rows, with weights, and
        one list more, the last, of somebody of whom nothing is known; None: nobody has features.
      told: bool, `[users]`: whether any feature is known.
    """

    user_ids: Strings
    interactions: RaggedRows
    liked: RaggedRows
    left_out: RaggedRows
    content: RaggedRows | None = None
    told: npt.NDArray[np.bool_] = dataclasses.field(default_factory=lambda: np.zeros(0, np.bool_))

    def __post_init__(self) -> None:
        if not len(self.told):
            object.__setattr__(self, "told", np.zeros(len(self.user_ids), np.bool_))

    def among(self, user_ids: Strings) -> KnownUsers:
        """The same among more users, sorted; nothing is known of those who are added."""
        places = np.searchsorted(user_ids, self.user_ids)

        def spread(lists: RaggedRows) -> RaggedRows:
            lengths = np.zeros(len(user_ids), np.int64)
            lengths[places] = np.diff(lists.row_splits)
            return dataclasses.replace(lists, row_splits=np.concatenate([[0], np.cumsum(lengths)]))

        return KnownUsers(
            user_ids=user_ids,
            interactions=spread(self.interactions),
            liked=spread(self.liked),
            left_out=spread(self.left_out),
        )


def known_users(
    sequences: UserSequences, *, before_test: bool, liked_from: float | None, leave_out_seen: SeenRule
) -> KnownUsers:
    """What a bundle may know, without items outside of the catalogue.

    Args:
      sequences: Every row of every user.
      before_test: Whether test rows are unknown to it.
      liked_from: Rows rated below are dislikes.
      leave_out_seen: What lists leave out; days count back from the latest row that is known.
    """
    lists = sequences.items
    kept = lists.rows >= 0
    if before_test:
        kept &= sequences.parts != TEST_PART
    known = lists.where(kept)
    liked = known if liked_from is None else known.where(known.ratings >= liked_from)
    return KnownUsers(
        user_ids=sequences.user_ids, interactions=known, liked=liked, left_out=_left_out(known, leave_out_seen)
    )


def _left_out(known: RaggedRows, rule: SeenRule) -> RaggedRows:
    if rule.kind == ALWAYS:
        return known
    if rule.kind == NEVER or not len(known.rows):
        return known.where(np.zeros(len(known.rows), np.bool_))
    return known.where(known.timestamps >= known.timestamps.max() - rule.days * DAY_SECONDS)
