"""Settings of the scores that a pipeline run makes of the version it has pushed."""

from __future__ import annotations

from typing import Annotated

from components.settings import between, settings
from serving.contract import MAX_N

SHARDS = 10_000


@settings("batch_scores")
class BatchScoresConfig:
    """Settings of the batch scores at the end of a run (`--with-batch-scores`).

    Attributes:
      enabled: Whether every known user is scored with the version that was pushed.
      n: Items per user.
      shards: Number of files; several go into a folder.
    """

    enabled: bool = False
    n: Annotated[int, between(1, MAX_N)] = 20
    shards: Annotated[int, between(1, SHARDS)] = 1
