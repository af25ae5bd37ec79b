"""ScaNN over all candidates, inside a SavedModel; the only module that knows how ScaNN is built and searched.

Every process that loads such a SavedModel must have imported ScaNN's operations first.
Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
"""

from __future__ import annotations

import dataclasses
import math
import uuid
from typing import Any

import tensorflow as tf

from components.best_columns import LOWEST
from components.examples import Floats

NAMESPACE = "Scann"
ANISOTROPIC_THRESHOLD = 0.2
TRAINING_SAMPLE = 100_000
MEASURED_LIST = 100  # length of the list that a setting is for
LEAST_REORDER = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScannSetting:
    """What a search may cost; both can change without a new build.

    Attributes:
      leaves_to_search: Leaves that a query looks into.
      reorder: Candidates that are scored exactly, for a list of `MEASURED_LIST`; shorter ones need fewer.
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
        builder = scann_ops.builder(tf.constant(candidates), MEASURED_LIST, "dot_product")
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
        """About the k best candidates of each query.

        Args:
          queries: float32 `[B, D]`.
          k: int32 scalar, from 1 to N.
          setting: Another setting than the index's own.

        Returns:
          Rows int32 `[B, k]`, best first, and scores float32 `[B, k]`; a score of `LOWEST` says that nothing
          more was found, and the row beside it means nothing.
        """
        from scann.scann_ops.py import scann_ops

        setting = setting or self.setting
        # Reordering in proportion to the list; a list longer than the measured one needs more leaves too.
        stretch = tf.cast(k, tf.float32) / MEASURED_LIST
        leaves = tf.cast(setting.leaves_to_search * tf.maximum(1.0, stretch), tf.int32)
        reorder = tf.cast(setting.reorder * stretch, tf.int32)
        found = scann_ops.searcher_from_module(self._searcher).search_batched_parallel(
            queries,
            final_num_neighbors=k,
            pre_reorder_num_neighbors=tf.clip_by_value(reorder, tf.maximum(k, LEAST_REORDER), self._size),
            leaves_to_search=tf.minimum(leaves, self.leaves),
        )
        scores = tf.where(tf.math.is_finite(found.distances), found.distances, LOWEST)
        # ScaNN's lists are as wide as the longest that it found.
        missing = [[0, 0], [0, k - tf.shape(scores)[1]]]
        rows = tf.pad(tf.cast(found.indices, tf.int32), missing)
        return rows, tf.pad(scores, missing, constant_values=LOWEST)


def leaves_for(candidates: int) -> int:
    """About the square root of the number of candidates, doubled near a million."""
    root = math.sqrt(candidates)
    return max(2, round(2 * root if candidates >= 500_000 else root))


def settings_for(candidates: int, leaves: int) -> list[ScannSetting]:
    """Settings to try, cheapest first; the last ones search everything.

    Quantised scores of a million items tell fewer of the best apart: short lists of these need 4,000 (docs/scaling.md).
    """
    settings = [
        ScannSetting(leaves_to_search=max(1, math.ceil(share * leaves)), reorder=min(candidates, reorder))
        for share in (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
        for reorder in (200, 400, 1_000, 2_000, 4_000, 8_000)
    ]
    return sorted(dict.fromkeys(settings), key=lambda setting: _cost(setting, candidates, leaves))


def _cost(setting: ScannSetting, candidates: int, leaves: int) -> float:
    """Relative cost of a search: a candidate scored exactly costs as much as 23 in a leaf (measured at 62k x 65)."""
    return candidates * setting.leaves_to_search / leaves + 23 * setting.reorder
