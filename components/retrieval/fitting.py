"""Trains one two-tower model on sequences, and stops it by exact NDCG on the eval split."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import tensorflow as tf

from components.examples import Longs, MarkedRows, RaggedRows
from components.retrieval.averaging import AveragedWeights
from components.retrieval.config import RetrievalConfig
from components.retrieval.content import ItemContent, Items
from components.retrieval.cuts import CutSampler
from components.retrieval.exact_search import ndcg
from components.retrieval.model import HISTORY, TARGETS, TwoTowerModel
from components.retrieval.towers import CandidateTower, QueryTower
from components.training.replicas import Replicas
from components.training.training_log import TrainingLog

CUT_OFF = 100
METRIC = f"NDCG@{CUT_OFF}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Everything a retrieval model is trained on.

    Attributes:
      content: Id slots and content features of movies.
      items: The whole catalogue, encoded by `content`.
      counts: int64 `[N]`, training rows of each movie (of Transform's counting).
      sequences: Training rows of each user, oldest first.
      marked: Marked rows of the eval split.
    """

    content: ItemContent
    items: Items
    counts: Longs
    sequences: RaggedRows
    marked: MarkedRows

    @property
    def dated(self) -> bool:
        """Whether the order of a sequence means anything."""
        return bool(self.sequences.timestamps.any())


def fit(
    config: RetrievalConfig,
    data: TrainingData,
    seed: int,
    log: TrainingLog,
    number: int = 1,
    replicas: Replicas | None = None,
) -> TwoTowerModel:
    """Trains a model with `seed` and returns it with the weights of its best epoch.

    Undated data has no recency: its sequences are shuffled at every cut and pooled evenly.
    """
    return _train(config, data, seed, _BestEpoch(config, data, log, number), config.epochs, replicas or Replicas())


def refit(
    config: RetrievalConfig,
    data: TrainingData,
    seed: int,
    epochs: int,
    log: TrainingLog,
    number: int = 1,
    replicas: Replicas | None = None,
) -> TwoTowerModel:
    """Trains a model with `seed` for exactly so many epochs and returns it with its last averaged weights.

    The eval rows are not looked at: they are among the sequences.
    """
    return _train(config, data, seed, _LastEpoch(config, data, log, number), epochs, replicas or Replicas())


def _train(
    config: RetrievalConfig,
    data: TrainingData,
    seed: int,
    keeper: _KeptWeights,
    most_epochs: int,
    replicas: Replicas,
) -> TwoTowerModel:
    tf.keras.utils.set_random_seed(seed)
    with replicas.scope():
        model = build(config, data, seed)
        model.compile(optimizer=tf.keras.optimizers.Adam(config.learning_rate, jit_compile=False))
    sampler = CutSampler(
        sequences=data.sequences,
        history_length=config.history_length,
        targets=1 if uses_in_batch(config, len(data.counts)) else config.targets,
        cuts_per_user=config.cuts_per_user,
        ordered=data.dated,
    )
    if sampler.rows_per_epoch:
        keeper.rows = sampler.rows_per_epoch
        model.fit(
            _dataset(sampler, config.batch_size, seed, replicas),
            epochs=most_epochs,
            steps_per_epoch=-(-sampler.rows_per_epoch // config.batch_size) if replicas.distributed else None,
            callbacks=[keeper],
            verbose=0,
        )
        keeper.restore()
    return cast("TwoTowerModel", replicas.plain(model, lambda: build(config, data, seed)))


def build(config: RetrievalConfig, data: TrainingData, seed: int) -> TwoTowerModel:
    """An untrained model for the data."""
    half_lives = config.half_lives if data.dated else (0.0,)
    slots, content = data.content.slots, data.content.size
    log_popularity = np.zeros(slots, np.float32)
    totals = np.bincount(data.items.slots.numpy(), weights=data.counts, minlength=slots)
    members = np.bincount(data.items.slots.numpy(), minlength=slots)
    log_popularity[:] = np.log1p(totals / np.maximum(members, 1))
    return TwoTowerModel(
        QueryTower(half_lives, slots, content, config.embedding_dim, seed * 1_000),
        CandidateTower(slots, content, config.embedding_dim, log_popularity, seed * 1_000 + 500),
        data.items,
        np.maximum(data.counts, 1) / max(1, data.counts.sum()),
        in_batch=uses_in_batch(config, len(data.counts)),
        l2=config.l2,
        movie_dropout=config.movie_dropout,
    )


def uses_in_batch(config: RetrievalConfig, movies: int) -> bool:
    """Whether a catalogue of this size is trained with the in-batch softmax."""
    return config.loss == "in_batch_softmax" or (config.loss == "auto" and movies > config.full_softmax_limit)


def _dataset(sampler: CutSampler, batch_size: int, seed: int, replicas: Replicas) -> Any:
    rng = np.random.default_rng(seed)
    rows = tf.TensorSpec([None, None], tf.int32)
    signature = {HISTORY: rows, TARGETS: rows}

    def epoch() -> Iterator[dict[str, Any]]:
        return ({HISTORY: before, TARGETS: after} for before, after in sampler.epoch(batch_size, rng))

    if replicas.distributed:
        return replicas.endless(epoch, signature)
    return tf.data.Dataset.from_generator(epoch, output_signature=signature).prefetch(2)


class _KeptWeights(tf.keras.callbacks.Callback):  # type: ignore[misc]
    """Averages the weights while they are trained, and logs; which averages are kept is for subclasses to say."""

    def __init__(self, config: RetrievalConfig, data: TrainingData, log: TrainingLog, number: int) -> None:
        super().__init__()
        self.rows = 0
        self._config = config
        self._data = data
        self._log = log
        self._number = number
        self._weights: list[Any] = []
        self._started = 0.0
        self._average: AveragedWeights | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._average = AveragedWeights(self.model.trainable_variables, self._config.averaging)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert self._average is not None
        self._average.update()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.monotonic() - self._started
        number, most = epoch + 1, self.params["epochs"]
        if number % self._config.eval_every and number != most:
            return
        assert self._average is not None
        with self._average.in_use():
            metrics = self._judge(number)
        loss = float((logs or {}).get("total_loss", float("nan")))
        self._log.epoch(number, seconds=seconds, rows=self.rows, loss=loss, metrics=metrics, model=self._number)

    def restore(self) -> None:
        """Puts the kept weights back."""
        for variable, value in zip(self.model.trainable_variables, self._weights, strict=True):
            variable.assign(value)

    def _judge(self, epoch: int) -> dict[str, float]:
        """Looks at the averaged weights, which are in use, and keeps them or does not; returns eval metrics."""
        raise NotImplementedError

    def _keep(self) -> None:
        self._weights = [weight.numpy() for weight in self.model.trainable_variables]


class _LastEpoch(_KeptWeights):
    """Keeps the last averaged weights."""

    def _judge(self, epoch: int) -> dict[str, float]:
        self._keep()
        return {}


class _BestEpoch(_KeptWeights):
    """Evaluates the averaged weights, stops without progress, and keeps the best ones."""

    _best = (-1.0, 0)

    def _judge(self, epoch: int) -> dict[str, float]:
        metric = self._evaluate()
        if metric > self._best[0] or not self._weights:
            self._best = (metric, epoch)
            self._keep()
        elif epoch - self._best[1] >= self._config.patience:
            self.model.stop_training = True
        return {METRIC: metric}

    def _evaluate(self) -> float:
        tables, candidates = self.model.embed_catalogue()
        return ndcg(
            lambda history: self.model.query_tower(history, tables),
            candidates,
            self._data.marked,
            CUT_OFF,
            self._config.history_length,
            self._config.eval_users,
        )
