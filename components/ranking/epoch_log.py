"""Thins out the log of a training with hundreds of short epochs."""

from __future__ import annotations

import math

import numpy as np

from components import progress
from components.examples import Floats
from components.ranking.config import RankingConfig
from components.ranking.fitting import Epoch
from components.training.epoch_history import EpochHistory
from components.training.training_log import TrainingLog

_LINES = 10
METRIC = "RMSE"


class EpochLog:
    """Gathers epochs by a tenth of the most there can be, and hands the best of each on to `TrainingLog`.

    So the best epoch of all is always among those that are written. An entry carries the time and
    the rows of all epochs that it stands for.

    Args:
      config: Settings of the training.
      history: Gets every epoch, at once.
      epochs: Most epochs of a model, where they are not those of the configuration.
    """

    def __init__(self, config: RankingConfig, history: EpochHistory, epochs: int | None = None) -> None:
        self._history = history
        most = config.epochs if epochs is None else epochs
        self._log = TrainingLog(METRIC, epochs=most, higher_is_better=False, models=config.seeds)
        self._every = max(1, config.epochs // _LINES)
        self._pending: list[Epoch] = []
        self._refit = False

    def add(self, epoch: Epoch) -> None:
        """Takes an epoch, in the order of training."""
        if epoch.epoch:
            self._history.add(
                epoch.epoch,
                loss=epoch.loss,
                learning_rate=epoch.learning_rate,
                metrics={} if math.isnan(epoch.rmse) else {METRIC: epoch.rmse, "MAE": epoch.mae},
                model=epoch.model,
            )
        if self._pending and self._pending[0].model != epoch.model:
            self.flush()
        self._pending.append(epoch)
        if epoch.epoch % self._every == 0:
            self.flush()

    def begin_final(self, epochs: list[int]) -> list[int]:
        """Begins the one training on all rows, whose length was chosen before."""
        self._history.begin_refit()
        self._refit = True
        return self._log.begin_final(epochs)

    def begin_refit(self) -> list[int]:
        """Begins the training on train + eval; returns the epochs that each model trains for."""
        self.flush()
        self._history.begin_refit()
        self._refit = True
        return self._log.begin_refit()

    def fitted(self, errors: Floats) -> None:
        """Records how far off the finished models' mean rating is on the rows they were trained on.

        Args:
          errors: float32 `[rows]`, stars.
        """
        self.flush()
        squared = float(np.mean(errors**2))
        self._log.fitted({"MSE": squared, "RMSE": math.sqrt(squared), "MAE": float(np.mean(np.abs(errors)))})

    def flush(self) -> None:
        """Hands on what is gathered; to be called after the last epoch."""
        if not self._pending:
            return
        judged = not math.isnan(self._pending[-1].rmse)
        best = min(self._pending, key=lambda epoch: epoch.rmse) if judged else self._pending[-1]
        self._log.epoch(
            best.epoch,
            seconds=sum(epoch.seconds for epoch in self._pending),
            rows=sum(epoch.rows for epoch in self._pending),
            loss=best.loss,
            metrics={METRIC: best.rmse, "MAE": best.mae} if judged else None,
            model=best.model,
        )
        self._pending = []

    def write(self, model_run_dir: str) -> None:
        """Writes `training.json` and says which epoch was kept."""
        self.flush()
        self._log.write(model_run_dir)
        best = self._log.best_epoch()
        if best and not self._refit:
            progress.report("kept the weights of epoch %d, the one with the lowest eval RMSE", best)
