"""Trains one two-tower model on sequences, and stops it by exact NDCG on the eval split."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import tensorflow as tf

from components.errors import InputError
from components.examples import AskedUsers, Floats, Ints, Longs, RaggedRows
from components.retrieval.averaging_adam import AveragingAdam
from components.retrieval.config import AUTO, FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR, RetrievalConfig
from components.retrieval.content import ItemContent, Items
from components.retrieval.cuts import CutSampler
from components.retrieval.judging import METRIC, evaluate
from components.retrieval.losses.full_softmax import FullSoftmax
from components.retrieval.losses.in_batch_softmax import InBatchSoftmax
from components.retrieval.losses.squared_error import SquaredError
from components.retrieval.model import Loss, TwoTowerModel
from components.retrieval.penalty import Penalty
from components.retrieval.rows import CONTEXT, HISTORY, TARGETS, USERS, WEIGHTS
from components.retrieval.towers import CandidateTower, QueryTower
from components.retrieval.user_sets import UserSetSampler
from components.training.divergence import require_finite_loss
from components.training.replicas import Replicas
from components.training.training_log import TrainingLog
from components.training.users import Users

L2_BY_FREQUENCY, L2_OF_FEATURES = 0.1, 1e-4
"""Where the configuration leaves L2 open: of id vectors, to be divided by their number, and of all others."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Everything a retrieval model is trained on.

    Attributes:
      content: Id slots and content of items.
      items: The whole catalogue, encoded by `content`.
      counts: int64 `[N]`, training rows of each item (of Transform's counting).
      sequences: Training rows of each user that are no dislikes, oldest first.
      marked: Users of the eval split; None: nobody looks at any.
      users: What is known of users by features; None: nothing, or the loss has no use for it.
      user_rows: int32 `[users]`, the row among `users` of each of `sequences`; of no use without them.
      ids: Id slots of every item that has a row, and the catalogue encoded by them; None: of no use.
      repeats: Whether a list may hold what a user has had before: then it is a candidate in training, too.
      new: Positions in `sequences` of the rows that weights do not know yet from which a training starts.
    """

    content: ItemContent
    items: Items
    counts: Longs
    sequences: RaggedRows
    marked: AskedUsers | None = None
    users: Users | None = None
    user_rows: Ints = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    ids: tuple[ItemContent, Items] | None = None
    repeats: bool = False
    new: Longs = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))


def fit(
    config: RetrievalConfig,
    data: TrainingData,
    seed: int,
    log: TrainingLog,
    number: int = 1,
    replicas: Replicas | None = None,
    start: Callable[[TwoTowerModel, int], None] | None = None,
) -> TwoTowerModel:
    """Trains a model with `seed` and returns it with the weights of its best epoch.

    Data without an order has no recency: it is pooled evenly, and sequences are shuffled at every cut.

    Args:
      config: Of the model.
      data: What it is trained on.
      seed: Of its first weights and of what is drawn.
      log: Told of every epoch.
      number: Of the model, from 1.
      replicas: How the work is spread; None: not at all.
      start: Gives an untrained model other first weights, with the model's number from 0.
    """
    keeper = _BestEpoch(config, data, log, number)
    return _train(config, data, seed, keeper, config.epochs, replicas or Replicas(), number, start)


def refit(
    config: RetrievalConfig,
    data: TrainingData,
    seed: int,
    epochs: int,
    log: TrainingLog,
    number: int = 1,
    replicas: Replicas | None = None,
    start: Callable[[TwoTowerModel, int], None] | None = None,
) -> TwoTowerModel:
    """Trains a model with `seed` for exactly so many epochs and returns it with its last averaged weights.

    The eval rows are not looked at: they are among the sequences.
    """
    keeper = _LastEpoch(config, data, log, number)
    return _train(config, data, seed, keeper, epochs, replicas or Replicas(), number, start)


def _train(
    config: RetrievalConfig,
    data: TrainingData,
    seed: int,
    keeper: _KeptWeights,
    most_epochs: int,
    replicas: Replicas,
    number: int,
    start: Callable[[TwoTowerModel, int], None] | None,
) -> TwoTowerModel:
    tf.keras.utils.set_random_seed(seed)
    with replicas.scope():
        model = build(config, data, seed)
        if start is not None:
            start(model, number - 1)
        model.compile(optimizer=AveragingAdam(config.learning_rate, config.averaging))
    if start is not None:
        keeper.set_model(model)
        keeper.judge_start()
    sampler = create_sampler(config, data)
    if sampler.rows_per_epoch and most_epochs:
        keeper.rows = sampler.rows_per_epoch
        model.fit(
            batches(sampler, config.batch_size, seed, replicas, None if data.users is None else data.user_rows),
            epochs=most_epochs,
            steps_per_epoch=-(-sampler.rows_per_epoch // config.batch_size) if replicas.distributed else None,
            callbacks=[keeper],
            verbose=0,
        )
        keeper.restore()
    return cast("TwoTowerModel", replicas.plain(model, lambda: build(config, data, seed)))


def build(config: RetrievalConfig, data: TrainingData, seed: int) -> TwoTowerModel:
    """An untrained model for the data."""
    half_lives = config.half_lives if is_ordered(config, data.sequences) else (0.0,)
    loss = chosen_loss(config, data.sequences, len(data.counts))
    alone = loss == SQUARED_ERROR  # ids are all that it reads
    slots, content = data.content.slots, 0 if alone else data.content.size
    users = None if alone else data.users
    penalty = _penalty(loss, config, data)
    return TwoTowerModel(
        QueryTower(
            half_lives,
            slots,
            content,
            config.embedding_dim,
            seed * 1_000,
            0 if users is None else users.content.size,
            0 if users is None else users.contexts.size,
        ),
        CandidateTower(slots, content, config.embedding_dim, _first_bias(loss, data), seed * 1_000 + 500),
        data.items,
        _loss(loss, config, data),
        data.content,
        penalty=penalty,
        item_dropout=0.0 if alone else config.item_dropout,  # without content nothing is left
        reads_content=not alone,
        users=users,
        user_dropout=config.user_dropout,
    )


def create_sampler(config: RetrievalConfig, data: TrainingData) -> CutSampler | UserSetSampler:
    """Draws the training rows that the loss wants: cut sequences, or whole sets for the squared error."""
    if chosen_loss(config, data.sequences, len(data.counts)) == SQUARED_ERROR:
        return UserSetSampler(sequences=data.sequences, most_rows=config.epoch_rows)
    return CutSampler(
        sequences=data.sequences,
        history_length=config.history_length,
        targets=config.targets,
        cuts_per_user=config.cuts_per_user,
        cuts_by_length=config.cuts_by_length,
        most_rows=config.epoch_rows,
        ordered=is_ordered(config, data.sequences),
        new=data.new,
    )


def batches(
    sampler: CutSampler | UserSetSampler, batch_size: int, seed: int, replicas: Replicas, user_rows: Ints | None = None
) -> Any:
    """An epoch as a tf.data.Dataset of what rows.py names (users where `user_rows` are); every pass draws new rows."""
    rng = np.random.default_rng(seed)
    rows = tf.TensorSpec([None, None], tf.int32)
    signature = {HISTORY: rows, TARGETS: rows, WEIGHTS: tf.TensorSpec([None, None], tf.float32)}
    if user_rows is not None:
        signature[USERS] = tf.TensorSpec([None], tf.int32)
        signature[CONTEXT] = tf.TensorSpec([None, None], tf.int32)

    def epoch() -> Iterator[dict[str, Any]]:
        for users, contexts, before, after, weights in sampler.epoch(batch_size, rng):
            batch = {HISTORY: before, TARGETS: after, WEIGHTS: weights}
            yield batch if user_rows is None else {**batch, USERS: user_rows[users], CONTEXT: contexts}

    if replicas.distributed:
        return replicas.endless(epoch, signature)
    return tf.data.Dataset.from_generator(epoch, output_signature=signature).prefetch(2)


def is_ordered(config: RetrievalConfig, sequences: RaggedRows) -> bool:
    """Whether the order of a user's items means anything.

    Raises:
      InputError: The order of undated rows is asked for.
    """
    dated = bool(sequences.timestamps.any())
    if config.history_order == "time" and not dated:
        raise InputError(
            "retrieval.history_order = time needs times, and the rows have none",
            expected="a column such as timestamp (Unix seconds)",
            action="name it with --columns timestamp=COLUMN, or set retrieval.history_order=auto",
        )
    return dated and config.history_order != "none"


def chosen_loss(config: RetrievalConfig, sequences: RaggedRows, items: int) -> str:
    """The loss that the configuration means for a catalogue of so many items."""
    if config.loss != AUTO:
        return config.loss
    if not is_ordered(config, sequences):
        return SQUARED_ERROR
    return FULL_SOFTMAX if items <= config.full_softmax_limit else IN_BATCH_SOFTMAX


def least_ratings(config: RetrievalConfig, sequences: RaggedRows, items: int) -> int:
    """Training rows from which on an item has an id vector: with the squared error one is enough."""
    return 1 if chosen_loss(config, sequences, items) == SQUARED_ERROR else config.min_ratings


def _loss(loss: str, config: RetrievalConfig, data: TrainingData) -> Loss:
    if loss == SQUARED_ERROR:
        return SquaredError()
    if loss == FULL_SOFTMAX:
        return FullSoftmax(config.target_decay, repeats=data.repeats)
    frequencies = np.maximum(data.counts, 1) / max(1, data.counts.sum())
    return InBatchSoftmax(frequencies, config.targets, config.target_decay, config.negatives)


def _penalty(loss: str, config: RetrievalConfig, data: TrainingData) -> Penalty:
    """What is added to the loss: by one weight for all, or for each id vector by how often it occurs."""
    slots = data.content.slots
    totals = np.bincount(data.items.slots.numpy(), weights=data.counts, minlength=slots)
    if loss == SQUARED_ERROR:
        return Penalty(config.squared_error_l2, totals)
    if config.l2 is not None:
        return Penalty(config.l2, totals)
    return Penalty(L2_BY_FREQUENCY / slots, totals, by_frequency=True, l2_of_others=L2_OF_FEATURES)


def _first_bias(loss: str, data: TrainingData) -> Floats:
    """Where the candidates' bias begins: at log popularity, which a softmax would take long to learn; else at 0."""
    slots = data.content.slots
    if loss == SQUARED_ERROR:
        return np.zeros(slots, np.float32)
    totals = np.bincount(data.items.slots.numpy(), weights=data.counts, minlength=slots)
    members = np.bincount(data.items.slots.numpy(), minlength=slots)
    means: Floats = (totals / np.maximum(members, 1)).astype(np.float32)
    return np.log1p(means)


class _KeptWeights(tf.keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps averages of the weights while they are trained, and logs; which ones is for subclasses to say."""

    def __init__(self, config: RetrievalConfig, data: TrainingData, log: TrainingLog, number: int) -> None:
        super().__init__()
        self.rows = 0
        self._config = config
        self._data = data
        self._log = log
        self._number = number
        self._weights: list[Any] = []
        self._started = 0.0

    def judge_start(self) -> None:
        """Looks at the weights that the model starts from, where there is something to look at."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.monotonic() - self._started
        number, most = epoch + 1, self.params["epochs"]
        metrics: dict[str, float] = {}
        if number % self._config.eval_every == 0 or number == most:
            with self.model.optimizer.averages_in_use():
                metrics = self._judge(number)
        loss = float((logs or {}).get("total_loss", float("nan")))
        self._log.epoch(
            number,
            seconds=seconds,
            rows=self.rows,
            loss=loss,
            metrics=metrics,
            model=self._number,
            learning_rate=float(self.model.optimizer.learning_rate.numpy()),
        )
        require_finite_loss(loss, number, "retrieval")

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

    def judge_start(self) -> None:
        if self._data.marked is not None:
            self._log.epoch(0, seconds=0.0, rows=0, loss=float("nan"), metrics=self._judge(0), model=self._number)

    def _judge(self, epoch: int) -> dict[str, float]:
        metric = evaluate([self.model], self._config, self._data)
        if metric > self._best[0] or not self._weights:
            self._best = (metric, epoch)
            self._keep()
        elif epoch - self._best[1] >= self._config.patience:
            self.model.stop_training = True
        return {METRIC: metric}
