"""What a training says while it runs and leaves behind: one progress line an epoch and `training.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components import artifacts, progress
from components.training.epoch_history import EpochHistory


class TrainingLog:
    """Collects the epochs of a training, and finds the best one.

    Args:
      metric: Name of the eval metric that chooses the best epoch, as people write it: `NDCG@100`.
      epochs: Most epochs of one model; shown behind the slash of `epoch 3/75`.
      higher_is_better: Whether the best epoch has the highest metric (else the lowest).
      models: Models that are trained one after the other with different seeds.
      history: Is told of every epoch and of a refit, too.
    """

    def __init__(
        self,
        metric: str,
        *,
        epochs: int,
        higher_is_better: bool,
        models: int = 1,
        history: EpochHistory | None = None,
    ) -> None:
        self._metric = _key(metric)
        self._epochs = epochs
        self._higher_is_better = higher_is_better
        self._models = models
        self._history = history
        self._entries: list[dict[str, Any]] = []
        self._refit_epochs: list[int] = []
        self._rows = "train + eval"
        self._train_metrics: dict[str, float | None] = {}

    def begin_refit(self) -> list[int]:
        """Begins the second training, on train + eval, which no eval metric judges.

        Returns:
          Epochs that each model trains for: its best ones; all of them where none was evaluated.
        """
        self._refit_epochs = self._chosen_epochs()
        if self._history is not None:
            self._history.begin_refit()
        chosen = ", ".join(map(str, self._refit_epochs))
        progress.report("training anew on train + eval for as many epochs as the eval rows chose: %s", chosen)
        return self._refit_epochs

    def begin_final(self, epochs: list[int]) -> list[int]:
        """Begins the one training on all rows, whose length an earlier training has chosen: epochs of each model."""
        self._refit_epochs = list(epochs)
        self._rows = "all rows"
        if self._history is not None:
            self._history.begin_refit()
        return self._refit_epochs

    def fitted(self, metrics: Mapping[str, float]) -> None:
        """Records and reports what the finished models come to on the rows that they were trained on.

        Args:
          metrics: By name as people write it.
        """
        self._train_metrics = {_key(name, "train"): _finite(value) for name, value in metrics.items()}
        parts = [f"{name} {_short(value)}" for name, value in metrics.items()]
        progress.report("%s", "  ".join(["on the rows it was trained on:", *parts]))

    def epoch(
        self,
        epoch: int,
        *,
        seconds: float,
        rows: int,
        loss: float,
        metrics: Mapping[str, float] | None = None,
        model: int = 1,
        learning_rate: float = float("nan"),
    ) -> None:
        """Records an epoch and reports it in one line.

        Args:
          epoch: Number of the epoch, from 1; 0: the weights that a training starts from.
          seconds: Wall-clock time of its training, without the evaluation.
          rows: Training rows it went through.
          loss: Mean training loss.
          metrics: Eval metrics by name as people write it; none where the epoch was not evaluated, as in a refit.
          model: Number of the model, from 1, where several are trained.
          learning_rate: Of the optimizer, for the history.
        """
        if self._history is not None and epoch:
            self._history.add(epoch, loss=loss, learning_rate=learning_rate, metrics=metrics or {}, model=model)
        entry: dict[str, Any] = {"model": model} if self._models > 1 else {}
        entry |= {"refit": True} if self._refit_epochs else {}
        entry |= {"epoch": epoch, "seconds": round(seconds, 3), "rows_per_second": _rate(rows, seconds)}
        entry |= {"loss": _finite(loss)}
        entry |= {_key(name): _finite(value) for name, value in (metrics or {}).items()}
        self._entries.append(entry)
        progress.report("%s", self._line(entry, loss, metrics or {}))

    def best_epoch(self, model: int | None = None) -> int:
        """The epoch with the best metric (the first of equals), 0 where none was evaluated or none beats the start.

        Args:
          model: Looks at this model's epochs only; None: at those of all models.
        """
        best = self._best(model)
        return int(best["epoch"]) if best else 0

    def as_dict(self) -> dict[str, Any]:
        """The content of `training.json`."""
        best = self._best(None) or {}
        content: dict[str, Any] = {"epochs": self._entries, "best_epoch": best.get("epoch", 0), "metric": self._metric}
        if self._models > 1:
            content["best_model"] = best.get("model", 0)
        content["chosen_epochs"] = self._refit_epochs or self._chosen_epochs()
        if self._refit_epochs:
            content["refit_epochs"] = self._refit_epochs
        if self._train_metrics:
            content["train_metrics"] = self._train_metrics
        return content

    def write(self, model_run_dir: str) -> str:
        """Writes `training.json` into the folder and returns its path."""
        tf.io.gfile.makedirs(model_run_dir)
        path = f"{model_run_dir.rstrip('/')}/{artifacts.TRAINING_LOG}"
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n")
        return path

    def _chosen_epochs(self) -> list[int]:
        """The best epoch of each model; all of them where none was evaluated."""
        best = [self._best(model) for model in range(1, self._models + 1)]
        return [self._epochs if one is None else int(one["epoch"]) for one in best]

    def _best(self, model: int | None) -> dict[str, Any] | None:
        judged = [
            entry
            for entry in self._entries
            if entry.get(self._metric) is not None and model in (None, entry.get("model", 1))
        ]
        sign = -1.0 if self._higher_is_better else 1.0
        return min(judged, key=lambda entry: sign * entry[self._metric], default=None)

    def _line(self, entry: Mapping[str, Any], loss: float, metrics: Mapping[str, float]) -> str:
        most = self._refit_epochs[entry.get("model", 1) - 1] if self._refit_epochs else self._epochs
        parts = [self._rows] if self._refit_epochs else []
        parts += [f"model {entry['model']}/{self._models}"] if self._models > 1 else []
        if entry["epoch"]:
            parts += [f"epoch {entry['epoch']}/{most}", f"{entry['rows_per_second']:,} rows/s", f"loss {loss:.3f}"]
        else:
            parts += ["before training"]
        parts += [f"{name} {_short(value)}" for name, value in metrics.items()]
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
