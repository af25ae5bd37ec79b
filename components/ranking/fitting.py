"""Trains rating models: Adam on the training rows, stopped by the error on the eval rows or after a given time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from components.examples import Longs
from components.ranking.architectures import create_model
from components.ranking.batches import SIGNATURE, Batch, cut_batch
from components.ranking.config import RankingConfig
from components.ranking.item_features import ItemFeatures
from components.ranking.known_ratings import KnownRatings, RatingRows
from components.ranking.rating_model import RatingModel
from components.training.ahead import one_ahead
from components.training.divergence import require_finite_loss
from components.training.replicas import Replicas
from components.training.training_log import Epoch

RMSE, MAE = "RMSE", "MAE"
"""Metrics of the eval rows, in stars; the first chooses the best epoch."""


def fit(
    config: RankingConfig,
    items: ItemFeatures,
    known: KnownRatings,
    eval_rows: RatingRows,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    replicas: Replicas | None = None,
    start: Callable[[RatingModel, int], None] | None = None,
) -> list[RatingModel]:
    """Trains `config.seeds` models, each with the weights of its best epoch.

    `start` gives a model that has not been trained other first weights, with its number from 0. They are judged, too:
    where no epoch is better they are kept.
    Without eval rows a model trains for `config.epochs` and keeps its last weights.

    Raises:
      InputError: A training has diverged.
    """
    fitting = _Fitting(config, items, known, eval_rows, on_epoch, replicas or Replicas(), start)
    return [fitting.model(number, config.epochs) for number in range(config.seeds)]


def refit(
    config: RankingConfig,
    items: ItemFeatures,
    known: KnownRatings,
    epochs: Sequence[int],
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    replicas: Replicas | None = None,
    start: Callable[[RatingModel, int], None] | None = None,
) -> list[RatingModel]:
    """Trains `config.seeds` models for exactly so many epochs, one number each, and keeps their last weights."""
    nothing = known.rows.take(np.zeros(0, np.int64))
    fitting = _Fitting(config, items, known, nothing, on_epoch, replicas or Replicas(), start)
    return [fitting.model(number, most) for number, most in enumerate(epochs)]


def predict(models: list[RatingModel], known: KnownRatings, rows: RatingRows, batch_size: int) -> Any:
    """Ratings of rows, float32 `[rows]`: the models' mean, clipped to the training ratings' range."""
    parts = [np.zeros(0, np.float32)]
    for batch in _Batches(known, rows, batch_size):
        parts.append(models[0].clip(tf.add_n([model(batch) for model in models]) / len(models)).numpy())
    return np.concatenate(parts)


class _Fitting:
    """Trains models of the same rows one after the other; arguments as of `fit`."""

    def __init__(
        self,
        config: RankingConfig,
        items: ItemFeatures,
        known: KnownRatings,
        eval_rows: RatingRows,
        on_epoch: Callable[[Epoch], None],
        replicas: Replicas,
        start: Callable[[RatingModel, int], None] | None,
    ) -> None:
        self._config, self._items, self._known, self._eval_rows = config, items, known, eval_rows
        self._on_epoch, self._replicas, self._start = on_epoch, replicas, start
        self._judging = _Batches(known, eval_rows, config.batch_size)

    def model(self, number: int, most_epochs: int) -> RatingModel:
        """The model of a number, with the weights of its best epoch, or its last ones where there are no eval rows."""
        model = self._untrained(number)
        train_step = self._replicas.step(lambda batch: model.train_step(batch)["total_loss"], SIGNATURE)
        eval_step = tf.function(model.test_step, input_signature=[SIGNATURE], autograph=False)
        training = self._training(number)
        best, best_epoch, best_weights = np.inf, 0, None
        is_judged_first = self._start is not None and len(self._eval_rows) > 0
        for epoch in range(0 if is_judged_first else 1, most_epochs + 1):
            began = time.perf_counter()
            loss = _mean_loss(train_step, training) if epoch else float("nan")
            seconds = time.perf_counter() - began
            rmse, mae = self._errors(model, eval_step)
            self._on_epoch(
                Epoch(
                    model=number + 1,
                    epoch=epoch,
                    seconds=seconds,
                    rows=training.rows_per_pass if epoch else 0,
                    loss=loss,
                    metrics={RMSE: rmse, MAE: mae} if len(self._eval_rows) else {},
                    learning_rate=float(model.optimizer.learning_rate.numpy()),
                )
            )
            if epoch:
                require_finite_loss(loss, epoch, "ranking")
            if rmse < best:
                best, best_epoch, best_weights = rmse, epoch, model.get_weights()
            if len(self._eval_rows) and epoch - best_epoch >= self._config.patience:
                break
        if best_weights is not None:
            model.set_weights(best_weights)
        return cast("RatingModel", self._replicas.plain(model, lambda: self._built(self._created(number))))

    def _untrained(self, number: int) -> RatingModel:
        with self._replicas.scope():
            model = self._created(number)
            if self._start is not None:
                self._start(self._built(model), number)
            model.compile(optimizer=tf.keras.optimizers.Adam(self._config.learning_rate))
        return model

    def _created(self, number: int) -> RatingModel:
        return create_model(self._config, self._items, self._known, self._config.seed + number)

    def _built(self, model: RatingModel) -> RatingModel:
        """The model with the variables of layers that make them when they are first called."""
        model(cut_batch(self._known, self._known.rows, np.arange(1)))
        return model

    def _training(self, number: int) -> _Batches:
        return _Batches(
            self._known,
            self._known.rows,
            self._config.batch_size,
            shuffle_seed=self._config.seed + number,
            most_rows=self._config.epoch_rows,
            replicas=self._replicas,
            new=self._known.new,
        )

    def _errors(self, model: RatingModel, step: Callable[[Batch], dict[str, Any]]) -> tuple[float, float]:
        """RMSE and MAE of the eval rows; NaN without any."""
        if not len(self._eval_rows):
            return float("nan"), float("nan")
        return (
            _predicted_errors(model, self._judging)
            if self._replicas.distributed
            else _errors(model, step, self._judging)
        )


def _mean_loss(step: Callable[..., Any], batches: _Batches) -> float:
    losses = [
        (float(step(*parts)), sum(len(batch.ratings) for batch in parts)) for parts in one_ahead(batches.parted())
    ]
    return float(np.average([loss for loss, _ in losses], weights=[rows for _, rows in losses]))


def _errors(model: RatingModel, step: Callable[[Batch], dict[str, Any]], batches: _Batches) -> tuple[float, float]:
    model.reset_metrics()
    for batch in batches:
        results = step(batch)
    return float(results["rmse"]), float(results["mae"])


def _predicted_errors(model: RatingModel, batches: _Batches) -> tuple[float, float]:
    """The same from predictions: metrics of several replicas would each be a sum over all of them."""
    parts = [(model.clip(model(batch)) - batch.ratings).numpy() for batch in batches]
    errors = np.concatenate(parts).astype(np.float64)
    return float(np.sqrt(np.mean(errors**2))), float(np.mean(np.abs(errors)))


class _Batches:
    """Batches of rows, in another order each time where a seed is given; a single one is made once.

    With a seed and more rows than `most_rows` each time gives the next part of an order of all rows; up to half are
    rows at the positions `new`, where there are any.
    """

    def __init__(
        self,
        known: KnownRatings,
        rows: RatingRows,
        size: int,
        shuffle_seed: int | None = None,
        most_rows: int | None = None,
        replicas: Replicas | None = None,
        new: Longs | None = None,
    ) -> None:
        self.rows = rows
        self._new = np.zeros(0, np.int64) if new is None else new
        self._replicas = replicas or Replicas()
        self._known = known
        self.rows_per_pass = len(rows) if most_rows is None else min(len(rows), most_rows)
        self._count = -(-self.rows_per_pass // size)
        self._waiting = np.zeros(0, np.int64)
        self._generator = None if shuffle_seed is None else np.random.default_rng(shuffle_seed)
        self._whole = (
            [cut_batch(known, rows, part) for part in self._parts(None)]
            if 0 < self.rows_per_pass == len(rows) <= size
            else []
        )

    def __iter__(self) -> Iterator[Batch]:
        """The batches, where there is one replica."""
        return (batch for (batch,) in self.parted())

    def parted(self) -> Iterator[list[Batch]]:
        """The batches, each as the parts of the replicas of this process."""
        if self._whole:
            yield self._whole
            return
        for positions in np.array_split(self._order(), max(self._count, 1)):
            if len(positions):
                yield [cut_batch(self._known, self.rows, part) for part in self._parts(positions)]

    def _order(self) -> Longs:
        """Positions of the rows of one pass."""
        if self._generator is None:
            return np.arange(len(self.rows))
        new = np.zeros(0, np.int64)
        if len(self._new) and self.rows_per_pass < len(self.rows):
            new = self._generator.permutation(self._new)[: self.rows_per_pass // 2]
        if len(self._waiting) < self.rows_per_pass:
            self._waiting = np.concatenate([self._waiting, self._generator.permutation(len(self.rows))])
        order, self._waiting = np.split(self._waiting, [self.rows_per_pass - len(new)])
        return self._generator.permutation(np.concatenate([order, new])) if len(new) else order

    def _parts(self, positions: Longs | None) -> list[Longs | None]:
        """Positions of each local replica; None, all rows, as long as there is one replica."""
        if not self._replicas.distributed:
            return [positions]
        chosen = np.arange(len(self.rows)) if positions is None else positions
        return [chosen[part] for part in self._replicas.local_parts(len(chosen))]
