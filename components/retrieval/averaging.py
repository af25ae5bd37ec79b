"""A moving average of a model's weights over the steps of its training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf


class AveragedWeights:
    """Averages the noise of the steps out of the weights.

    average = m * average + (1 - m) * weights, with m = min(momentum, (1 + step) / (10 + step)), so that
    a short training is not dominated by where it began. Polyak and Juditsky, "Acceleration of
    Stochastic Approximation by Averaging", 1992.

    Args:
      weights: The variables that training changes.
      momentum: From 0 (the weights themselves) to below 1.
    """

    def __init__(self, weights: Sequence[Any], momentum: float) -> None:
        self._weights = list(weights)
        self._averages = [tf.Variable(weight, trainable=False) for weight in weights]
        self._momentum = momentum
        self._steps = 0

    def update(self) -> None:
        """Takes the weights after a step into the average."""
        momentum = min(self._momentum, (1 + self._steps) / (10 + self._steps)) if self._momentum else 0.0
        self._move(tf.constant(momentum, tf.float32))
        self._steps += 1

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """The variables hold the average inside of the context, and what they held before after it."""
        held = [weight.numpy() for weight in self._weights]
        for weight, average in zip(self._weights, self._averages, strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, value in zip(self._weights, held, strict=True):
                weight.assign(value)

    @tf.function(autograph=False)
    def _move(self, momentum: Any) -> None:
        for weight, average in zip(self._weights, self._averages, strict=True):
            average.assign(momentum * average + (1.0 - momentum) * weight)
