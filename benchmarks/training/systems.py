"""The systems that are trained: ours, implicit's ALS, the model of the TFRS tutorial, and EASE as the mark to reach."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg
import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.training.curve import Curve, Point, Stopwatch
from benchmarks.training.data import Rows
from components.examples import Floats, Longs
from components.retrieval.config import RetrievalConfig
from components.retrieval.fitting import fit
from components.retrieval.judging import METRIC
from components.retrieval.model import TwoTowerModel
from components.retrieval.training_data import TrainingData
from components.training.training_log import Epoch, TrainingLog

EASE_L2 = (100.0, 200.0, 400.0, 800.0)
ALS: dict[str, Any] = {"factors": 128, "regularization": 1.0, "alpha": 1.0}  # the best of ALS_GRID on the same rows
ALS_GRID = [
    {"factors": factors, "regularization": regularization, "alpha": alpha}
    for factors in (32, 64, 128)
    for regularization in (0.1, 1.0, 10.0, 30.0)
    for alpha in (1.0, 10.0)
]
ALS_ITERATIONS = 15
TUTORIAL_DIM, TUTORIAL_BATCH, TUTORIAL_EPOCHS, TUTORIAL_PATIENCE = 32, 8192, 60, 10


def ours(rows: Rows, config: RetrievalConfig) -> Curve:
    """This project's retrieval model with one seed; the metric is that of its own training."""
    return curve_of(config, rows.for_retrieval(config))[0]


def curve_of(config: RetrievalConfig, data: TrainingData) -> tuple[Curve, TwoTowerModel]:
    """Trains one model; epochs that are not evaluated count as 0 in its curve."""
    log = _CurveLog(config.epochs)
    (model,) = fit(config, data, log)
    assert log.curve is not None
    return log.curve, model


def curve_within(config: RetrievalConfig, data: TrainingData, seconds: float) -> Curve:
    """Trains one model until so many seconds of training have passed."""
    log = _CurveLog(config.epochs, seconds)
    with contextlib.suppress(_EnoughError):
        fit(config, data, log)
    assert log.curve is not None
    return log.curve


def ease(rows: Rows) -> tuple[float, float, float]:
    """EASE (Steck, WWW 2019): the inverse of the items' Gram matrix, its L2 the best of EASE_L2.

    Returns:
      NDCG@100, seconds of one fit, L2.
    """
    matrix = rows.matrix()
    results = []
    for l2 in EASE_L2:
        watch = Stopwatch()
        watch.start()
        gram = (matrix.T @ matrix).toarray()
        gram[np.diag_indices_from(gram)] += l2
        inverse = scipy.linalg.inv(gram, overwrite_a=True, check_finite=False)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        seconds = watch.stop()
        results.append((_ndcg_of(rows, matrix, weights), seconds, l2))
    return max(results)


def als(rows: Rows, settings: dict[str, Any], iterations: int = ALS_ITERATIONS) -> Curve:
    """implicit's alternating least squares on two threads; a row is one interaction, an epoch one iteration."""
    import threadpoolctl
    from implicit.als import AlternatingLeastSquares

    matrix = rows.matrix()
    curve, watch = Curve(rows=matrix.nnz), Stopwatch()
    with threadpoolctl.threadpool_limits(1, "blas"):  # it runs threads of its own
        model = AlternatingLeastSquares(**settings, iterations=iterations, num_threads=2, random_state=1, use_gpu=False)

        def judge(*_: Any) -> None:
            seconds = watch.stop()
            ndcg = rows.ndcg(lambda users: model.user_factors[users] @ model.item_factors.T)
            curve.points.append(Point(seconds=seconds, ndcg=ndcg))
            watch.start()

        watch.start()
        model.fit(matrix, show_progress=False, callback=judge)
    return curve


class _Tutorial(tfrs.Model):  # type: ignore[misc]
    """https://www.tensorflow.org/recommenders/examples/basic_retrieval, on indices instead of strings."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.users = tf.keras.layers.Embedding(users, TUTORIAL_DIM)
        self.items = tf.keras.layers.Embedding(items, TUTORIAL_DIM)
        self.task = tfrs.tasks.Retrieval()

    def compute_loss(self, inputs: Any, training: bool = False) -> Any:
        return self.task(self.users(inputs["user"]), self.items(inputs["item"]), compute_metrics=False)


def tutorial(rows: Rows, epochs: int = TUTORIAL_EPOCHS) -> Curve:
    """The TFRS tutorial's two towers of ids: Adagrad .1, batches of 8,192 rows, in-batch softmax without logQ."""
    tf.keras.utils.set_random_seed(1)
    matrix = rows.matrix().tocoo()
    model = _Tutorial(*matrix.shape)
    model.compile(optimizer=tf.keras.optimizers.Adagrad(0.1))
    dataset = tf.data.Dataset.from_tensor_slices({"user": matrix.row, "item": matrix.col})
    dataset = dataset.shuffle(matrix.nnz, seed=1).batch(TUTORIAL_BATCH).prefetch(2)
    curve, watch = Curve(rows=matrix.nnz), Stopwatch()

    class Judge(tf.keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            watch.start()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seconds = watch.stop()
            users, items = model.users.embeddings.numpy(), model.items.embeddings.numpy()
            curve.points.append(Point(seconds=seconds, ndcg=rows.ndcg(lambda asked: users[asked] @ items.T)))
            since = [point.ndcg for point in curve.points[-TUTORIAL_PATIENCE:]]
            model.stop_training = len(curve.points) > TUTORIAL_PATIENCE and max(since) < curve.best

    model.fit(dataset, epochs=epochs, verbose=0, callbacks=[Judge()])
    return curve


class _EnoughError(Exception):
    """The seconds of a training are over."""


class _CurveLog(TrainingLog):
    """A training log that keeps the curve, and ends the training after so many seconds of it."""

    def __init__(self, epochs: int, most_seconds: float = math.inf) -> None:
        super().__init__(METRIC, epochs=epochs, higher_is_better=True)
        self.curve: Curve | None = None
        self._seconds, self._most_seconds = 0.0, most_seconds

    def add(self, epoch: Epoch) -> None:
        self._seconds += epoch.seconds
        self.curve = self.curve or Curve(rows=epoch.rows)
        self.curve.points.append(Point(seconds=self._seconds, ndcg=epoch.metrics.get(METRIC, 0.0)))
        if self._seconds >= self._most_seconds:
            raise _EnoughError


def ours_with(**changes: Any) -> RetrievalConfig:
    """Today's default settings, with changes."""
    return dataclasses.replace(RetrievalConfig(), **changes)


def _ndcg_of(rows: Rows, matrix: Any, weights: Floats) -> float:
    def scores(users: Longs) -> Floats:
        return np.asarray(matrix[users] @ weights, np.float32)

    return rows.ndcg(scores)
