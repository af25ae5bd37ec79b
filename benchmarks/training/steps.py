"""Where a training step's time goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.training.data import Rows
from components.retrieval.averaging_adam import AveragingAdam
from components.retrieval.building import build, create_sampler
from components.retrieval.config import RetrievalConfig
from components.retrieval.fitting import batches, signature
from components.retrieval.judging import evaluate
from components.retrieval.training_data import TrainingData

EPOCHS = 20


def parts(rows: Rows, config: RetrievalConfig) -> list[tuple[str, float]]:
    """Seconds of the parts of one epoch, each measured alone; the mean of EPOCHS passes.

    Returns:
      Pairs of part and seconds: drawing rows, loss (forward), loss and gradients, the whole step with Adam and the
      averages of the weights, evaluation.
    """
    data = rows.for_retrieval(config)
    model = build(config, data, config.seed)
    model.compile(optimizer=AveragingAdam(config.learning_rate, config.averaging, model.gathered_tables))
    sampler = create_sampler(config, data)
    rng = np.random.default_rng(config.seed)
    drawn = list(batches(sampler, config.batch_size, rng, data))
    inputs = [{name: tf.constant(part) for name, part in batch.items()} for batch in drawn]
    spec = signature(data)

    @tf.function(input_signature=[spec], autograph=False)  # type: ignore[misc]
    def forward(batch: dict[str, Any]) -> Any:
        return model.compute_loss(batch, training=True)

    @tf.function(input_signature=[spec], autograph=False)  # type: ignore[misc]
    def gradients(batch: dict[str, Any]) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(batch, training=True)
        found = tape.gradient(loss, model.trainable_variables)
        return [part.values if isinstance(part, tf.IndexedSlices) else part for part in found]

    @tf.function(input_signature=[spec], autograph=False)  # type: ignore[misc]
    def step(batch: dict[str, Any]) -> Any:
        return model.train_step(batch)

    def each(function: Callable[[Any], Any]) -> Callable[[], Any]:
        return lambda: [function(batch) for batch in inputs]

    return [
        ("drawing the rows", _seconds(lambda: list(sampler.epoch(config.batch_size, rng)))),
        ("loss", _seconds(each(forward))),
        ("loss and gradients", _seconds(each(gradients))),
        ("loss, gradients, Adam's step and the averages", _seconds(each(step))),
        ("NDCG@100 of the eval rows", _seconds(lambda: evaluate([model], config, data), passes=3)),
    ]


def evaluation_seconds(model: Any, data: TrainingData, config: RetrievalConfig) -> float:
    """Seconds of one evaluation, of at most `eval_users` users, by exact search; the quicker of two."""
    return min(_seconds(lambda: evaluate([model], config, data), passes=1) for _ in range(2))


def _seconds(run: Callable[[], Any], passes: int = EPOCHS) -> float:
    run()
    start = time.perf_counter()
    for _ in range(passes):
        run()
    return (time.perf_counter() - start) / passes
