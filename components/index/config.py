"""Settings of the candidate index."""

from __future__ import annotations

import dataclasses

from components.settings import require

KINDS = ("auto", "exact", "scann")


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """Settings of the candidate index.

    Attributes:
      kind: `scann`, `exact`, or `auto`: ScaNN from scann_from items on.
      scann_from: Smallest catalogue that `auto` indexes with ScaNN.
      min_recall: Recall against exact search that must be reached, at `k` and for the first 20; below it the
        stage fails.
      k: List length at which recall is measured.
      queries: Most users whose queries measure it.
    """

    kind: str = "auto"
    scann_from: int = 1_000
    min_recall: float = 0.99
    k: int = 100
    queries: int = 1_000

    def __post_init__(self) -> None:
        require(self.kind in KINDS, "index.kind", "one of " + ", ".join(KINDS), self.kind)
        require(0 <= self.min_recall <= 1, "index.min_recall", "between 0 and 1", self.min_recall)
        require(self.scann_from >= 100, "index.scann_from", "100 or more", self.scann_from)
        require(self.k >= 1, "index.k", "1 or more", self.k)
        require(self.queries >= 1, "index.queries", "1 or more", self.queries)
