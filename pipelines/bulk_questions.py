"""Asks a bundle for the stars of many pairs of user and item, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from components.rates import RateReporter
from pipelines.question_files import Pairs
from serving import contract
from serving.model import LoadedBundle

PAIRS_AT_ONCE = 2048


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
