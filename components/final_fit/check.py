"""Whether a bundle that nobody can judge, since it has seen every row, is what was judged and no accident."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from serving import contract
from serving.scann_operations import load_operations

USERS = 500


class ImplausibleBundleError(RuntimeError):
    """The bundle trained on all rows is not to be pushed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Likeness:
    """How near the final bundle's lists are to those of the judged one.

    Attributes:
      users: Users who were asked for, evenly spread over all.
      overlap: Mean share of a judged bundle's list that the final one's list has, too; 1 where no list has an item.
      popularity_overlap: The same of the most popular items.
    """

    users: int
    overlap: float
    popularity_overlap: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lists:
    """What a bundle answers, best first; no id where a list is shorter.

    Attributes:
      item_ids: bytes `[users, K]`.
      scores: float32 `[users, K]`.
      popular: bytes `[K]`: what it answers somebody of whom nothing is known.
    """

    item_ids: Any
    scores: Any
    popular: Any


def users_to_ask(user_ids: list[bytes]) -> list[bytes]:
    """At most `USERS`, evenly spread."""
    chosen = np.unique(np.linspace(0, len(user_ids) - 1, min(USERS, len(user_ids))).astype(np.int64))
    return [user_ids[number] for number in chosen]


def lists_of(bundle: str, user_ids: list[bytes]) -> Lists:
    """Asks the signature `retrieve` of the bundle in a folder."""
    load_operations(bundle)
    retrieve = tf.saved_model.load(bundle).signatures[contract.RETRIEVE]
    answer, nobody = (retrieve(user_id=tf.constant(asked, tf.string)) for asked in (user_ids, [b""]))
    return Lists(
        item_ids=answer[contract.ITEM_IDS].numpy(),
        scores=answer[contract.SCORES].numpy(),
        popular=nobody[contract.ITEM_IDS].numpy()[0],
    )


def check(judged: Lists, final: Lists) -> Likeness:
    """Compares the lists of two bundles for the same users.

    Raises:
      ImplausibleBundleError: A score is not a number, or popularity is nearer to the judged bundle than this one is.
    """
    if not np.isfinite(final.scores).all():
        raise ImplausibleBundleError("the bundle trained on all rows answers with scores that are not numbers")
    users = len(judged.item_ids)
    found = Likeness(
        users=users,
        overlap=_overlap(judged.item_ids, final.item_ids),
        popularity_overlap=_overlap(judged.item_ids, [final.popular] * users),
    )
    if found.overlap < found.popularity_overlap:
        raise ImplausibleBundleError(
            f"the bundle trained on all rows shares {found.overlap:.0%} of its lists with the judged one, and "
            f"popularity shares {found.popularity_overlap:.0%}: it is not what was judged, and nothing is pushed"
        )
    return found


def _overlap(lists: Any, others: Any) -> float:
    shares = []
    for one, other in zip(lists, others, strict=True):
        items = one[one != b""]
        if len(items):
            shares.append(float(np.isin(items, other).mean()))
    return float(np.mean(shares)) if shares else 1.0
