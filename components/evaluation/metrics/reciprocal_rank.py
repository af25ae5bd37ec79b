"""Mean reciprocal rank, and by how much it exceeds that of another list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from components.evaluation.metrics.mean import bound_score, mean_over_users
from serving.contract import MOVIE_IDS


class ReciprocalRank(tfma.metrics.Metric):  # type: ignore[misc]
    """Mean over users of 1 / the position of the first held-out movie in the list (MRR).

    `RR(u) = 1 / min{i : list_i is held out}`, positions from 1; 0 where the list holds none.
    From 0 to 1. Positions come from the list as it was answered, so there are no ties. Users weigh
    the same. Users without held-out movies are skipped; without any user the value is NaN. Seen
    movies are not in the list.

    Args:
      cut_off: Positions that count; None for the whole list.
      of: Output that is judged.
      against: A second output, whose reciprocal rank is subtracted user by user, from -1 to 1.
      name: Name in the results.
    """

    def __init__(
        self,
        cut_off: int | None = None,
        of: str = MOVIE_IDS,
        against: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name or "mrr",
            cut_off=cut_off,
            of=of,
            against=against,
        )


def reciprocal_rank(movie_ids: Sequence[bytes], held_out: frozenset[bytes], cut_off: int | None) -> float:
    """1 / position of the first held-out movie among the first `cut_off`, or 0."""
    return next((1.0 / rank for rank, movie in enumerate(movie_ids[:cut_off], 1) if movie in held_out), 0.0)


def _computations(
    name: str, cut_off: int | None, of: str, against: str | None, model_name: str = "", output_name: str = ""
) -> list[Any]:
    return mean_over_users(
        bound_score(reciprocal_rank, cut_off),
        name=name,
        of=of,
        against=against,
        model_name=model_name,
        output_name=output_name,
    )
