"""Cross entropy over the whole catalogue."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.retrieval.losses.cross_entropy import cross_entropy
from components.retrieval.rows import HISTORY, TARGETS, WEIGHTS


class FullSoftmax:
    """Every item but those of the history is a candidate.

    Args:
      target_decay: See `target_weights`.
      repeats: Whether items of the history are candidates, too.
    """

    reads_catalogue = True

    def __init__(self, target_decay: float, *, repeats: bool = False) -> None:
        self._target_decay = target_decay
        self._repeats = repeats

    @tf.autograph.experimental.do_not_convert  # type: ignore[misc]
    def __call__(self, model: Any, inputs: dict[str, Any], training: bool) -> Any:
        """Mean loss of `history` int32 `[B, H]` and `targets` int32 `[B, T]` (catalogue rows, -1 = padding)."""
        history, targets = inputs[HISTORY], inputs[TARGETS]
        tables, candidates = model.encode(model.seen(model.items, training)[0])
        logits = tf.matmul(model.query(inputs, history, tables, training), candidates, transpose_b=True)
        return model.penalty() + cross_entropy(
            logits, history, targets, inputs[WEIGHTS], target_decay=self._target_decay, repeats=self._repeats
        )
