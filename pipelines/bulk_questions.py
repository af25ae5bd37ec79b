"""Asks a bundle many questions, block by block: lists for users, stars for pairs of user and item."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.ingestion.rates import RateReporter
from pipelines.question_files import Pairs
from serving import contract
from serving.model import LoadedBundle

USERS_AT_ONCE = 256  # exact search of that many in 62,000 items takes 64 MB
PAIRS_AT_ONCE = 2048


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lists:
    """What a bundle recommends to the users of a block.

    Attributes:
      users: Their ids.
      items: Item ids of each, best first; none for a user without an answer.
      sources: Where each answer comes from (serving/contract.py).
    """

    users: Sequence[str]
    items: list[list[str]]
    sources: list[str]


def recommend(bundle: LoadedBundle, users: Sequence[str], n: int) -> Iterator[Lists]:
    """The `n` best items (1 to contract.MAX_N) for each user, in their order."""
    import tensorflow as tf

    ask = bundle.signatures[contract.RECOMMEND]
    progress = RateReporter("recommending", len(users), "users")
    for start in range(0, len(users), USERS_AT_ONCE):
        block = users[start : start + USERS_AT_ONCE]
        nothing = tf.zeros([len(block), 0], tf.string)
        answer = ask(
            **{
                contract.USER_ID: tf.constant(block, tf.string),
                contract.HISTORY_ITEM_IDS: nothing,
                contract.HISTORY_RATINGS: tf.zeros([len(block), 0]),
                contract.EXCLUDE_ITEM_IDS: nothing,
                contract.ALLOW_ITEM_IDS: nothing,
                contract.FILTERS: nothing,
                contract.USER_FEATURES: nothing,
                contract.CONTEXT: nothing,
                contract.N: tf.fill([len(block)], n),
            }
        )
        items = answer[contract.ITEM_IDS].numpy().tolist()
        counts = answer[contract.COUNT].numpy().tolist()
        yield Lists(
            users=block,
            items=[[_text(item) for item in row[:count]] for row, count in zip(items, counts, strict=True)],
            sources=[source.decode() for source in answer[contract.SOURCE].numpy()],
        )
        progress.add(len(block))
    progress.finish()


def predict(bundle: LoadedBundle, pairs: Pairs) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Predicted stars of each pair: positions of a block, and its ratings."""
    import tensorflow as tf

    ask = bundle.signatures[contract.RANK]
    users, items = (np.array(values, object) for values in (pairs.users, pairs.items))
    progress = RateReporter("predicting", len(pairs), "pairs")
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        block = slice(start, min(start + PAIRS_AT_ONCE, len(pairs)))
        answer: dict[str, Any] = ask(
            **{
                contract.USER_ID: tf.constant(users[pairs.user_codes[block]], tf.string),
                contract.ITEM_ID: tf.constant(items[pairs.item_codes[block]], tf.string),
            }
        )
        yield block, answer[contract.PREDICTED_RATING].numpy()
        progress.add(block.stop - block.start)
    progress.finish()


def _text(item_id: bytes) -> str:
    return item_id.decode("utf-8", "surrogateescape")
