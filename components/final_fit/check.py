"""Whether a bundle that nobody can judge, since it has seen every row, is what was judged and no accident."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from serving import contract

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


def check(judged: Any, final: Any, user_ids: list[bytes]) -> Likeness:
    """Compares the signature `retrieve` of two loaded bundles on some of their users.

    Raises:
      ImplausibleBundleError: A score is not a number, or popularity is nearer to the judged bundle than this one is.
    """
    chosen = np.unique(np.linspace(0, len(user_ids) - 1, min(USERS, len(user_ids))).astype(np.int64))
    asked = tf.constant([user_ids[number] for number in chosen], tf.string)
    old, new = (_retrieved(model, asked) for model in (judged, final))
    nobody = _retrieved(final, tf.constant([b""]))
    if not np.isfinite(new[contract.SCORES]).all():
        raise ImplausibleBundleError("the bundle trained on all rows answers with scores that are not numbers")
    popular = [nobody[contract.ITEM_IDS][0]] * len(chosen)
    found = Likeness(
        users=len(chosen),
        overlap=_overlap(old[contract.ITEM_IDS], new[contract.ITEM_IDS]),
        popularity_overlap=_overlap(old[contract.ITEM_IDS], popular),
    )
    if found.overlap < found.popularity_overlap:
        raise ImplausibleBundleError(
            f"the bundle trained on all rows shares {found.overlap:.0%} of its lists with the judged one, and "
            f"popularity shares {found.popularity_overlap:.0%}: it is not what was judged, and nothing is pushed"
        )
    return found


def _retrieved(model: Any, users: Any) -> dict[str, Any]:
    answer = model.signatures[contract.RETRIEVE](user_id=users)
    return {name: tensor.numpy() for name, tensor in answer.items()}


def _overlap(lists: Any, others: Any) -> float:
    shares = []
    for one, other in zip(lists, others, strict=True):
        items = one[one != b""]
        if len(items):
            shares.append(float(np.isin(items, other).mean()))
    return float(np.mean(shares)) if shares else 1.0
