"""Settings of the scores that a pipeline run makes of the version it has pushed."""

from __future__ import annotations

import dataclasses

from components.settings import require
from serving.contract import MAX_N

SHARDS = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchScoresConfig:
    """Settings of the batch scores at the end of a run (`--with-batch-scores`).

    Attributes:
      enabled: Whether every known user is scored with the version that was pushed.
      n: Items a user.
      shards: Files; several go into a folder.
    """

    enabled: bool = False
    n: int = 20
    shards: int = 1

    def __post_init__(self) -> None:
        require(1 <= self.n <= MAX_N, "batch_scores.n", f"from 1 to {MAX_N}", self.n)
        require(1 <= self.shards <= SHARDS, "batch_scores.shards", f"from 1 to {SHARDS}", self.shards)
