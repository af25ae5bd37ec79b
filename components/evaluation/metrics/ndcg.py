"""NDCG@k with binary gains, and by how much it exceeds that of another list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from components.evaluation.metrics.mean import bound_score, mean_over_users
from serving.contract import MOVIE_IDS


class NDCGAtK(tfma.metrics.Metric):  # type: ignore[misc]
    """Mean over users of the normalized discounted cumulative gain of the first k of the list.

    `DCG@k = Σ_{i=1..k} [list_i is held out] / log2(i + 1)`, divided by the DCG@k of a list that
    begins with the held-out movies: `Σ_{i=1..min(k, |held_out|)} 1 / log2(i + 1)`. From 0 to 1.

    A gain is 1 for a held-out movie whatever its stars, else 0. Positions come from the list as it
    was answered, so there are no ties. Users weigh the same. Users without held-out movies are
    skipped; without any user the value is NaN. A list shorter than k is judged whole, against the
    same ideal. Seen movies are not in the list.

    Args:
      cut_off: k.
      of: Output that is judged.
      against: A second output, whose NDCG@k is subtracted user by user, from -1 to 1.
      name: Name in the results.
    """

    def __init__(self, cut_off: int, of: str = MOVIE_IDS, against: str | None = None, name: str | None = None) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name or f"ndcg_at_{cut_off}",
            cut_off=cut_off,
            of=of,
            against=against,
        )


def ndcg(movie_ids: Sequence[bytes], held_out: frozenset[bytes], cut_off: int) -> float:
    """NDCG of the first `cut_off` of the list."""
    gained = [position for position, movie in enumerate(movie_ids[:cut_off]) if movie in held_out]
    return _discounted(gained) / _discounted(range(min(cut_off, len(held_out))))


def _discounted(positions: Sequence[int]) -> float:
    return sum(1.0 / math.log2(position + 2) for position in positions)


def _computations(
    name: str, cut_off: int, of: str, against: str | None, model_name: str = "", output_name: str = ""
) -> list[Any]:
    return mean_over_users(
        bound_score(ndcg, cut_off), name=name, of=of, against=against, model_name=model_name, output_name=output_name
    )
