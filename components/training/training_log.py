"""The epochs of a training: progress lines while it runs, scalars for TensorBoard, and `training.json` at its end."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components import artifacts, progress

FIRST, REFIT = "first", "refit"
"""The training that the eval rows stop, and the one after it on more rows."""

SILENCE = 20.0
"""Seconds of training after which a line is due in any case."""

FLUSH_MILLISECONDS = 2_000
"""How far TensorBoard may be behind."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one pass over the training rows, or a part of many, came to.

    Attributes:
      epoch: Its number, from 1; 0: the weights that a training starts from.
      seconds: Wall-clock time of the training, without the evaluation.
      rows: Training rows that it took.
      loss: Mean training loss.
      metrics: Of the eval rows, by name as people write it; none where the epoch was not evaluated, as in a refit.
      model: Number of the model, from 1, where several are trained.
      learning_rate: Of the optimizer at the end.
    """

    epoch: int
    seconds: float
    rows: int
    loss: float
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    model: int = 1
    learning_rate: float = float("nan")


class TrainingLog:
    """Collects the epochs of a training, and finds the best one.

    With a folder TensorBoard can watch it: a folder of event files for each training, which it shows as a run
    (`logs/first/seed-1`, `logs/refit/seed-1`), with the tags `train/loss`, `train/learning_rate`, and `eval/NAME` for
    each metric; the step is the epoch.

    Args:
      metric: Name of the eval metric that chooses the best epoch, as people write it: `NDCG@100`.
      epochs: Most epochs of one model; shown behind the slash of `epoch 3/75`.
      higher_is_better: Whether the best epoch has the highest metric (else the lowest).
      models: Models that are trained one after the other with different seeds.
      lines: About how many lines of progress a model has where epochs are short; None: one an epoch. A line tells the
        best of the epochs that it stands for, and the time and the rows of all of them.
      folder: The trainer's `model_run`; None: nothing is written.
      seed: Of model 1; model 2 has the next one, and so on.
    """

    def __init__(
        self,
        metric: str,
        *,
        epochs: int,
        higher_is_better: bool,
        models: int = 1,
        lines: int | None = None,
        folder: str | None = None,
        seed: int = 1,
    ) -> None:
        self._name, self._metric = metric, _key(metric)
        self._epochs = epochs
        self._higher_is_better = higher_is_better
        self._models = models
        self._every = 1 if lines is None else max(1, epochs // lines)
        self._folder = None if folder is None else folder.rstrip("/")
        self._seed = seed
        self._entries: list[dict[str, Any]] = []
        self._untold: list[Epoch] = []
        self._refit_epochs: list[int] = []
        self._rows = "train + eval"
        self._train_metrics: dict[str, float | None] = {}
        self._writers: dict[tuple[str, int], Any] = {}

    def begin_refit(self) -> list[int]:
        """Begins the second training, on train + eval, which no eval metric judges.

        Returns:
          Epochs that each model trains for: its best ones; all of them where none was evaluated.
        """
        self.tell()
        self._refit_epochs = self._chosen_epochs()
        chosen = ", ".join(map(str, self._refit_epochs))
        progress.report("training anew on train + eval for as many epochs as the eval rows chose: %s", chosen)
        return self._refit_epochs

    def begin_final(self, epochs: list[int]) -> list[int]:
        """Begins the one training on all rows, whose length an earlier training has chosen: epochs of each model."""
        self._refit_epochs = list(epochs)
        self._rows = "all rows"
        return self._refit_epochs

    def fitted(self, metrics: Mapping[str, float]) -> None:
        """Records and reports what the finished models come to on the rows that they were trained on.

        Args:
          metrics: By name as people write it.
        """
        self.tell()
        self._train_metrics = {_key(name, "train"): _finite(value) for name, value in metrics.items()}
        parts = [f"{name} {_short(value)}" for name, value in metrics.items()]
        progress.report("%s", "  ".join(["on the rows it was trained on:", *parts]))

    def add(self, epoch: Epoch) -> None:
        """Records an epoch, in the order of training, and tells of it or of several once a line is due."""
        entry: dict[str, Any] = {"model": epoch.model} | ({"refit": True} if self._refit_epochs else {})
        entry |= {"epoch": epoch.epoch, "seconds": round(epoch.seconds, 3)}
        entry |= {"rows_per_second": _rate(epoch.rows, epoch.seconds), "loss": _finite(epoch.loss)}
        entry |= {"learning_rate": _finite(epoch.learning_rate)}
        self._entries.append(entry | {_key(name): _finite(value) for name, value in epoch.metrics.items()})
        self._write_scalars(epoch)
        if self._untold and self._untold[0].model != epoch.model:
            self.tell()
        self._untold.append(epoch)
        if epoch.epoch % self._every == 0 or sum(one.seconds for one in self._untold) >= SILENCE:
            self.tell()

    def tell(self) -> None:
        """Reports the epochs that no line has told of yet."""
        if not self._untold:
            return
        sign = -1.0 if self._higher_is_better else 1.0
        judged = [epoch for epoch in self._untold if self._name in epoch.metrics]
        told = min(judged, key=lambda epoch: sign * epoch.metrics[self._name]) if judged else self._untold[-1]
        seconds, rows = (sum(getattr(epoch, name) for epoch in self._untold) for name in ("seconds", "rows"))
        self._untold = []
        progress.report("%s", self._line(told, _rate(rows, seconds)))

    def best_epoch(self, model: int | None = None) -> int:
        """The epoch with the best metric (the first of equals), 0 where none was evaluated or none beats the start.

        Args:
          model: Looks at this model's epochs only; None: at those of all models.
        """
        best = self._best(model)
        return int(best["epoch"]) if best else 0

    def as_dict(self) -> dict[str, Any]:
        """The content of `training.json`: every epoch, and what follows from them."""
        best = self._best(None) or {}
        content: dict[str, Any] = {
            "metric": self._metric,
            "higher_is_better": self._higher_is_better,
            "best_epoch": best.get("epoch", 0),
            "best_model": best.get("model", 0),
            "chosen_epochs": self._refit_epochs or self._chosen_epochs(),
            "refit_epochs": self._refit_epochs,
            "train_metrics": self._train_metrics,
        }
        return content | {"epochs": self._entries}

    def write(self) -> None:
        """Tells what is left, closes the event files and writes `training.json` into the folder."""
        self.tell()
        for writer in self._writers.values():
            writer.close()
        if self._models == 1 and self.best_epoch() and not self._refit_epochs:
            side = "highest" if self._higher_is_better else "lowest"
            which = self.best_epoch(), side, self._name
            progress.report("kept the weights of epoch %d, the one with the %s eval %s", *which)
        if self._folder is None:
            return
        tf.io.gfile.makedirs(self._folder)
        with tf.io.gfile.GFile(f"{self._folder}/{artifacts.TRAINING_LOG}", "w") as file:
            file.write(json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n")

    def _write_scalars(self, epoch: Epoch) -> None:
        """Writes an epoch's figures for TensorBoard; epoch 0 has no loss and is left out."""
        if self._folder is None or not epoch.epoch:
            return
        key = REFIT if self._refit_epochs else FIRST, self._seed + epoch.model - 1
        if key not in self._writers:
            folder = f"{self._folder}/{artifacts.TENSORBOARD_LOGS}/{key[0]}/seed-{key[1]}"
            self._writers[key] = tf.summary.create_file_writer(folder, flush_millis=FLUSH_MILLISECONDS)
        with self._writers[key].as_default(step=epoch.epoch):
            tf.summary.scalar("train/loss", epoch.loss)
            tf.summary.scalar("train/learning_rate", epoch.learning_rate)
            for name, value in epoch.metrics.items():
                tf.summary.scalar(f"eval/{name}", value)

    def _chosen_epochs(self) -> list[int]:
        """The best epoch of each model; all of them where none was evaluated."""
        best = [self._best(model) for model in range(1, self._models + 1)]
        return [self._epochs if one is None else int(one["epoch"]) for one in best]

    def _best(self, model: int | None) -> dict[str, Any] | None:
        judged = [
            entry for entry in self._entries if entry.get(self._metric) is not None and model in (None, entry["model"])
        ]
        sign = -1.0 if self._higher_is_better else 1.0
        return min(judged, key=lambda entry: sign * entry[self._metric], default=None)

    def _line(self, epoch: Epoch, rate: int) -> str:
        most = self._refit_epochs[epoch.model - 1] if self._refit_epochs else self._epochs
        parts = [self._rows] if self._refit_epochs else []
        parts += [f"model {epoch.model}/{self._models}"] if self._models > 1 else []
        if epoch.epoch:
            parts += [f"epoch {epoch.epoch}/{most}", f"{rate:,} rows/s", f"loss {epoch.loss:.3f}"]
        else:
            parts += ["before training"]
        parts += [f"{name} {_short(value)}" for name, value in epoch.metrics.items()]
        return "  ".join(parts)


def _key(name: str, rows: str = "eval") -> str:
    return f"{rows}_{name.lower().replace(' ', '_')}"


def _rate(rows: int, seconds: float) -> int:
    return round(rows / seconds) if seconds > 0 else 0


def _finite(value: float) -> float | None:
    """JSON knows no NaN and no infinity: a training that diverged has null."""
    return float(value) if math.isfinite(value) else None


def _short(value: float) -> str:
    """Four decimals, without the zero before the point: .1234, 1.0567, -.0021."""
    text = f"{value:.4f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
