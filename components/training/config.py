"""How both trainers spread their work."""

from __future__ import annotations

import dataclasses

from components.settings import require

NONE, MIRRORED, MULTI_WORKER = STRATEGIES = ("none", "mirrored", "multi_worker")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How both trainers spread their work (tf.distribute).

    Attributes:
      strategy: `none`, `mirrored` (every GPU of one machine) or `multi_worker` (a process on each of several
        machines, which TF_CONFIG names). A batch is parted among the replicas, so results are the same
        within noise; the in-batch softmax alone sees fewer negatives a row.
    """

    strategy: str = NONE

    def __post_init__(self) -> None:
        require(self.strategy in STRATEGIES, "training.strategy", "one of " + ", ".join(STRATEGIES), self.strategy)
