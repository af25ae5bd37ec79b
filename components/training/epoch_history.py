"""Every epoch of a trainer: as scalars for TensorBoard while it is trained, as `history.json` when it has ended."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components import artifacts

FIRST, REFIT = "first", "refit"
"""The training that the eval rows stop, and the one after it on train + eval."""

FLUSH_MILLISECONDS = 2_000
"""How far TensorBoard may be behind."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch in `history.json`.

    Attributes:
      phase: `first` or `refit`.
      seed: Of the model.
      epoch: From 1.
      loss: Mean training loss; None where it is not finite.
      metric: The eval metric that chooses the best epoch; None where the epoch was not evaluated.
      learning_rate: Of the optimizer at the epoch's end.
    """

    phase: str
    seed: int
    epoch: int
    loss: float | None
    metric: float | None
    learning_rate: float


class EpochHistory:
    """Collects epochs and writes their scalars into event files.

    A folder for each training, which TensorBoard shows as a run: `logs/first/seed-1`, `logs/refit/seed-1`. Tags:
    `train/loss`, `train/learning_rate`, and `eval/<name>` for each metric; the step is the epoch.

    Args:
      model_run_dir: The trainer's `model_run`.
      metric: Name of the eval metric that chooses the best epoch.
      seed: Of model 1; model 2 has the next one, and so on.
    """

    def __init__(self, model_run_dir: str, metric: str, seed: int) -> None:
        self._folder = model_run_dir.rstrip("/")
        self._metric = metric
        self._seed = seed
        self._phase = FIRST
        self._records: list[EpochRecord] = []
        self._writers: dict[tuple[str, int], Any] = {}

    def begin_refit(self) -> None:
        """What follows is the training on train + eval."""
        self._phase = REFIT

    def add(
        self, epoch: int, *, loss: float, learning_rate: float, metrics: Mapping[str, float], model: int = 1
    ) -> None:
        """Records an epoch.

        Args:
          epoch: Its number, from 1.
          loss: Mean training loss.
          learning_rate: Of the optimizer.
          metrics: Eval metrics by name; none where the epoch was not evaluated.
          model: Number of the model, from 1.
        """
        seed = self._seed + model - 1
        chooses = metrics.get(self._metric)
        self._records.append(
            EpochRecord(
                phase=self._phase,
                seed=seed,
                epoch=epoch,
                loss=_finite(loss),
                metric=None if chooses is None else _finite(chooses),
                learning_rate=learning_rate,
            )
        )
        with self._writer(seed).as_default(step=epoch):
            tf.summary.scalar("train/loss", loss)
            tf.summary.scalar("train/learning_rate", learning_rate)
            for name, value in metrics.items():
                tf.summary.scalar(f"eval/{name}", value)

    def write(self) -> None:
        """Closes the event files and writes `history.json`, a list of EpochRecords in the order of training."""
        for writer in self._writers.values():
            writer.close()
        tf.io.gfile.makedirs(self._folder)
        with tf.io.gfile.GFile(f"{self._folder}/{artifacts.EPOCH_HISTORY}", "w") as file:
            file.write(json.dumps([dataclasses.asdict(one) for one in self._records], allow_nan=False) + "\n")

    def _writer(self, seed: int) -> Any:
        key = (self._phase, seed)
        if key not in self._writers:
            folder = f"{self._folder}/{artifacts.TENSORBOARD_LOGS}/{self._phase}/seed-{seed}"
            self._writers[key] = tf.summary.create_file_writer(folder, flush_millis=FLUSH_MILLISECONDS)
        return self._writers[key]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
