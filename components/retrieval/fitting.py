"""Trains two-tower models on sequences, and stops each by exact NDCG on the eval split."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.retrieval.averaging_adam import AveragingAdam
from components.retrieval.building import build, create_sampler
from components.retrieval.config import RetrievalConfig
from components.retrieval.judging import METRIC, evaluate
from components.retrieval.model import TwoTowerModel
from components.retrieval.rows import CONTEXT, HISTORY, TARGETS, USERS, WEIGHTS
from components.retrieval.training_data import TrainingData
from components.training.divergence import require_finite_loss
from components.training.replicas import Replicas
from components.training.training_log import Epoch, TrainingLog

Start = Callable[[TwoTowerModel, int], None]
"""Gives an untrained model other first weights, with the model's number from 0."""


def fit(
    config: RetrievalConfig,
    data: TrainingData,
    log: TrainingLog,
    replicas: Replicas | None = None,
    start: Start | None = None,
    first: int = 0,
) -> list[TwoTowerModel]:
    """Trains `config.seeds` models, each with the weights of its best epoch.

    Data without an order has no recency: it is pooled evenly, and sequences are shuffled at every cut.

    Args:
      config: Of the models.
      data: What they are trained on.
      log: Told of every epoch.
      replicas: How the work is spread; None: not at all.
      start: Where a training begins; None: at weights that are drawn.
      first: Models that the log knows already.

    Raises:
      InputError: A training has diverged.
    """
    keepers = [_BestEpoch(config, data) for _ in range(config.seeds)]
    fitting = _Fitting(config, data, log, replicas or Replicas(), start, first)
    return fitting.models(keepers, [config.epochs] * config.seeds)


def refit(
    config: RetrievalConfig,
    data: TrainingData,
    epochs: Sequence[int],
    log: TrainingLog,
    replicas: Replicas | None = None,
    start: Start | None = None,
    first: int = 0,
) -> list[TwoTowerModel]:
    """Trains models for exactly so many epochs, one number each, and keeps their last averaged weights.

    The eval rows are not looked at: they are among the sequences.
    """
    keepers = [_LastEpoch() for _ in epochs]
    return _Fitting(config, data, log, replicas or Replicas(), start, first).models(keepers, epochs)


class _Fitting:
    """Trains models of the same data one after the other, by one step that TensorFlow traces once.

    What a step draws goes on from model to model, so each is trained with masks of its own.
    """

    def __init__(
        self,
        config: RetrievalConfig,
        data: TrainingData,
        log: TrainingLog,
        replicas: Replicas,
        start: Start | None,
        first: int,
    ) -> None:
        tf.keras.utils.set_random_seed(config.seed)
        self._config, self._data, self._log, self._replicas, self._start = config, data, log, replicas, start
        self._first = first
        self._sampler = create_sampler(config, data)
        with replicas.scope():
            self._model = self._untrained(0)
            by_rows = self._model.gathered_tables
            self._model.compile(optimizer=AveragingAdam(config.learning_rate, config.averaging, by_rows))
            self._model.optimizer.build(self._model.trainable_variables)
        self._step = replicas.step(lambda batch: self._model.train_step(batch)["total_loss"], signature(data))

    def models(self, keepers: Sequence[_KeptWeights], epochs: Sequence[int]) -> list[TwoTowerModel]:
        """The trained models, by as many keepers and most epochs."""
        trained = []
        for number, (keeper, most) in enumerate(zip(keepers, epochs, strict=True)):
            if number:
                _copy(self._untrained(number), self._model)
                self._model.optimizer.restart()
            self._train(keeper, number, most if self._sampler.rows_per_epoch else 0)
            is_last = number == len(keepers) - 1
            trained.append(self._model if is_last and not self._replicas.distributed else self._plain())
        return trained

    def _train(self, keeper: _KeptWeights, number: int, most_epochs: int) -> None:
        rng = np.random.default_rng(self._config.seed + number)
        shown = self._first + number + 1
        if self._start is not None and most_epochs:
            metrics = keeper.judge(self._model, 0)
            if metrics:
                self._log.add(Epoch(epoch=0, seconds=0.0, rows=0, loss=float("nan"), metrics=metrics, model=shown))
        for epoch in range(1, most_epochs + 1):
            began = time.monotonic()
            losses = [self._step(*parts) for parts in self._parts(rng)]
            loss = float(np.mean([float(one) for one in losses]))
            seconds, metrics = time.monotonic() - began, {}
            if epoch % self._config.eval_every == 0 or epoch == most_epochs:
                with self._model.optimizer.averages_in_use():
                    metrics = keeper.judge(self._model, epoch)
            self._log.add(
                Epoch(
                    epoch=epoch,
                    seconds=seconds,
                    rows=self._sampler.rows_per_epoch,
                    loss=loss,
                    metrics=metrics,
                    model=shown,
                    learning_rate=self._config.learning_rate,
                )
            )
            require_finite_loss(loss, epoch, "retrieval")
            if keeper.is_patience_over(epoch):
                break
        keeper.restore(self._model)

    def _parts(self, rng: np.random.Generator) -> Iterator[list[dict[str, Any]]]:
        """The batches of an epoch, each as the parts of the replicas of this process."""
        for batch in batches(self._sampler, self._config.batch_size, rng, self._data):
            if not self._replicas.distributed:
                yield [batch]
                continue
            rows = self._replicas.local_parts(len(batch[HISTORY]))
            yield [{name: values[part] for name, values in batch.items()} for part in rows]

    def _untrained(self, number: int) -> TwoTowerModel:
        model = build(self._config, self._data, self._config.seed + number)
        if self._start is not None:
            self._start(model, number)
        return model

    def _plain(self) -> TwoTowerModel:
        """A copy that no step trains any further and that knows nothing of replicas."""
        model = build(self._config, self._data, self._config.seed)
        _copy(self._model, model)
        return model


def batches(sampler: Any, batch_size: int, rng: np.random.Generator, data: TrainingData) -> Iterator[dict[str, Any]]:
    """The batches of an epoch: arrays of what rows.py names, users and contexts where the model reads any."""
    for users, contexts, before, after, weights in sampler.epoch(batch_size, rng):
        batch = {HISTORY: before, TARGETS: after, WEIGHTS: weights}
        yield batch if data.users is None else {**batch, USERS: data.user_rows[users], CONTEXT: contexts}


def signature(data: TrainingData) -> dict[str, Any]:
    """TensorSpecs of a batch."""
    rows = tf.TensorSpec([None, None], tf.int32)
    specs = {HISTORY: rows, TARGETS: rows, WEIGHTS: tf.TensorSpec([None, None], tf.float32)}
    return specs if data.users is None else {**specs, USERS: tf.TensorSpec([None], tf.int32), CONTEXT: rows}


def _copy(source: TwoTowerModel, target: TwoTowerModel) -> None:
    for variable, value in zip(target.trainable_variables, source.trainable_variables, strict=True):
        variable.assign(value.numpy())


class _KeptWeights:
    """Keeps weights of a model while it is trained; which ones is for subclasses to say."""

    def __init__(self) -> None:
        self._weights: list[Any] = []

    def judge(self, model: TwoTowerModel, epoch: int) -> dict[str, float]:
        """Looks at the weights that a model has now, and keeps them or does not; returns eval metrics."""
        raise NotImplementedError

    def is_patience_over(self, epoch: int) -> bool:
        """Whether training on is of no use."""
        return False

    def restore(self, model: TwoTowerModel) -> None:
        """Puts the kept weights back, if any were kept."""
        if self._weights:
            for variable, value in zip(model.trainable_variables, self._weights, strict=True):
                variable.assign(value)
            self._weights = []

    def _keep(self, model: TwoTowerModel) -> None:
        self._weights = [weight.numpy() for weight in model.trainable_variables]


class _LastEpoch(_KeptWeights):
    """Keeps the last averaged weights."""

    def judge(self, model: TwoTowerModel, epoch: int) -> dict[str, float]:
        self._keep(model)
        return {}


class _BestEpoch(_KeptWeights):
    """Keeps the weights that are best on the eval split, and ends a training that makes no progress."""

    def __init__(self, config: RetrievalConfig, data: TrainingData) -> None:
        super().__init__()
        self._config, self._data = config, data
        self._best, self._best_epoch, self._judged = -1.0, 0, 0

    def judge(self, model: TwoTowerModel, epoch: int) -> dict[str, float]:
        if epoch == 0 and self._data.marked is None:
            return {}
        metric = evaluate([model], self._config, self._data)
        self._judged = epoch
        if metric > self._best or not self._weights:
            self._best, self._best_epoch = metric, epoch
            self._keep(model)
        return {METRIC: metric}

    def is_patience_over(self, epoch: int) -> bool:
        return self._judged == epoch and epoch - self._best_epoch >= self._config.patience
