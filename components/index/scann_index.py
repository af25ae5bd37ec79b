"""ScaNN over all candidates, inside a SavedModel; the only module that knows ScaNN.

Every process that loads such a SavedModel must have imported ScaNN's operations first.
Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
"""

from __future__ import annotations

import dataclasses
import math
import uuid
from typing import Any

import tensorflow as tf

from components.examples import Floats
from components.index.search import LOWEST, NOTHING, pad

NAMESPACE = "Scann"
ANISOTROPIC_THRESHOLD = 0.2
TRAINING_SAMPLE = 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScannSetting:
    """What a search may cost; both can change without a new build.

    Attributes:
      leaves_to_search: Leaves that a query looks into.
      reorder: Candidates that are scored exactly, for a list of 100.
    """

    leaves_to_search: int
    reorder: int


class ScannIndex(tf.Module):  # type: ignore[misc]
    """A ScaNN searcher.

    Args:
      candidates: float32 `[N, D]`, at least 100.
      leaves: Parts into which the candidates are clustered.
      setting: What a search looks at.
    """

    def __init__(self, candidates: Floats, leaves: int, setting: ScannSetting) -> None:
        from scann.scann_ops.py import scann_ops

        super().__init__(name="scann_index")
        builder = scann_ops.builder(tf.constant(candidates), 100, "dot_product")
        builder = builder.tree(
            num_leaves=leaves,
            num_leaves_to_search=setting.leaves_to_search,
            training_sample_size=min(len(candidates), TRAINING_SAMPLE),
        )
        builder = builder.score_ah(1, anisotropic_quantization_threshold=ANISOTROPIC_THRESHOLD)
        searcher = builder.reorder(setting.reorder).build(shared_name=f"recommender/{uuid.uuid4()}")
        self._searcher = searcher.serialize_to_module()
        self._size = len(candidates)
        self.leaves = leaves
        self.setting = setting

    def search(self, queries: Any, k: Any, setting: ScannSetting | None = None) -> tuple[Any, Any]:
        """About the k best candidates of each query, more of the leaves searched the longer the list.

        Args:
          queries: float32 `[B, D]`.
          k: int32 scalar.
          setting: Another setting than the index's own.

        Returns:
          Rows int32 `[B, k]`, best first, -1 where nothing more was found, and scores float32 `[B, k]`.
        """
        from scann.scann_ops.py import scann_ops

        setting = setting or self.setting
        # A list longer than the measured one needs more leaves and more reordering in proportion.
        stretch = tf.maximum(1.0, tf.cast(k, tf.float32) / 100.0)
        leaves = tf.cast(tf.minimum(tf.cast(self.leaves, tf.float32), setting.leaves_to_search * stretch), tf.int32)
        reorder = tf.cast(tf.minimum(tf.cast(self._size, tf.float32), setting.reorder * stretch), tf.int32)
        searcher = scann_ops.searcher_from_module(self._searcher)
        kept = tf.minimum(k, self._size)
        found = searcher.search_batched_parallel(
            queries,
            final_num_neighbors=kept,
            pre_reorder_num_neighbors=tf.maximum(reorder, kept),
            leaves_to_search=leaves,
        )
        real = tf.math.is_finite(found.distances)
        rows = tf.where(real, tf.cast(found.indices, tf.int32), NOTHING)
        return pad(rows, tf.where(real, found.distances, LOWEST), k)


def leaves_for(candidates: int) -> int:
    """About the square root of the number of candidates, doubled near a million."""
    root = math.sqrt(candidates)
    return max(2, round(2 * root if candidates >= 500_000 else root))


def settings_for(candidates: int, leaves: int) -> list[ScannSetting]:
    """Settings to try, cheapest first; the last one searches everything."""
    shares = (0.1, 0.2, 0.3, 0.5, 1.0)
    return [
        ScannSetting(leaves_to_search=max(1, math.ceil(share * leaves)), reorder=min(candidates, reorder))
        for share in shares
        for reorder in (400, 1_000, 2_000)
    ]


def load_operations() -> None:
    """Registers ScaNN's operations with TensorFlow; needed once before a SavedModel with ScaNN is loaded."""
    from scann.scann_ops.py import scann_ops

    assert scann_ops is not None
