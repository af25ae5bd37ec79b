"""Settings of the candidate index."""

from __future__ import annotations

from typing import Annotated

from components.settings import Count, Fraction, at_least, one_of, settings

KINDS = ("auto", "exact", "scann")


@settings("index")
class IndexConfig:
    """Settings of the candidate index.

    Attributes:
      kind: `scann`, `exact`, or `auto`: ScaNN from scann_from items on.
      scann_from: Smallest catalogue that `auto` indexes with ScaNN.
      min_recall: Recall against exact search that must be reached, at `k` and for the first 20; below it the
        stage fails.
      k: List length at which recall is measured.
      queries: Maximum number of users whose queries measure it.
    """

    kind: Annotated[str, one_of(*KINDS)] = "auto"
    scann_from: Annotated[int, at_least(100)] = 1_000
    min_recall: Fraction = 0.99
    k: Count = 100
    queries: Count = 1_000
