"""Recall@k, and by how much it exceeds that of another list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from components.evaluation.metrics.mean import bound_score, mean_over_users
from serving.contract import MOVIE_IDS


class RecallAtK(tfma.metrics.Metric):  # type: ignore[misc]
    """Mean over users of the share of their held-out movies that the first k of the list hold.

    `recall@k(u) = |first k of list(u) ∩ held_out(u)| / |held_out(u)|`, from 0 to 1.

    The denominator is the number of the user's held-out movies, also where that exceeds k (the most
    that can be reached is then below 1). Order within the list, hence ties, plays no part. Users
    weigh the same. Users without held-out movies are skipped; without any user the value is NaN. A
    list that is shorter than k is judged whole. Seen movies are not in the list (the signature
    leaves them out) and hardly ever among the held-out ones.

    Args:
      cut_off: k.
      of: Output that is judged.
      against: A second output, whose recall@k is subtracted user by user: the paired lift, from -1 to 1.
      name: Name in the results.
    """

    def __init__(self, cut_off: int, of: str = MOVIE_IDS, against: str | None = None, name: str | None = None) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name or f"recall_at_{cut_off}",
            cut_off=cut_off,
            of=of,
            against=against,
        )


def recall(movie_ids: Sequence[bytes], held_out: frozenset[bytes], cut_off: int | None) -> float:
    """Share of the held-out movies among the first `cut_off` of the list."""
    return len(held_out.intersection(movie_ids[:cut_off])) / len(held_out)


def _computations(
    name: str, cut_off: int, of: str, against: str | None, model_name: str = "", output_name: str = ""
) -> list[Any]:
    return mean_over_users(
        bound_score(recall, cut_off),
        name=name,
        of=of,
        against=against,
        model_name=model_name,
        output_name=output_name,
    )
