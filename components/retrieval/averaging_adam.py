"""Adam that moves the rows of a batch alone, and a moving average of the weights that does the same."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf


class AveragingAdam(tf.keras.optimizers.Adam):  # type: ignore[misc]
    """Adam (Kingma and Ba, 2015) that averages the noise of its steps out of the weights.

    Average = m * average + (1 - m) * weights after every step, with m = min(momentum, (1 + step) / (10 + step)), so
    that a short training is not dominated by where it began (Polyak and Juditsky, "Acceleration of Stochastic
    Approximation by Averaging", 1992).

    A gradient that names rows (tf.IndexedSlices, of what was gathered) costs in proportion to those rows and not to the
    table: the moments of other rows stand still ("lazy" Adam), and so do their weights, whose average is made up for
    when it is next read: it has moved by the product of all m since.

    Args:
      learning_rate: Step size.
      momentum: From 0 (the weights themselves) to below 1.
    """

    def __init__(self, learning_rate: float, momentum: float) -> None:
        super().__init__(learning_rate, jit_compile=False)
        self._momentum = momentum
        self._ramp = max(0, math.ceil((10 * momentum - 1) / (1 - momentum)))  # steps at which m is still below momentum
        self._weights: list[Any] = []
        self._averages: list[Any] = []
        self._paces: list[Any] = []  # the sum of log m up to the step after which a row's average was right

    def build(self, var_list: Sequence[Any]) -> None:
        """Makes the moments and the averages."""
        super().build(var_list)
        if self._weights or not self._momentum:
            return
        self._weights = list(var_list)
        for weight in var_list:
            self._averages.append(self.add_variable_from_reference(weight, "average", initial_value=weight))
            self._paces.append(self.add_variable(weight.shape[:1], tf.float64, name="pace"))

    def update_step(self, gradient: Any, variable: Any) -> None:
        """Moves a variable, or some of its rows, and its average."""
        if isinstance(gradient, tf.IndexedSlices):
            self._move_rows(gradient, variable)
            return
        super().update_step(gradient, variable)
        if self._momentum:
            average, pace = self._average_of(variable)
            before, now = self._pace(self.iterations), self._pace(self.iterations + 1)
            keep = tf.cast(tf.exp(now - before), variable.dtype)
            average.assign(keep * average + (1.0 - keep) * variable)
            pace.assign(tf.fill(tf.shape(pace), now))

    def restart(self) -> None:
        """Forgets every step: the next one is the first, of the weights that the variables have now."""
        for variable in (self.iterations, *self._momentums, *self._velocities, *self._paces):
            variable.assign(tf.zeros(variable.shape, variable.dtype))
        for weight, average in zip(self._weights, self._averages, strict=True):
            average.assign(weight)

    @contextlib.contextmanager
    def averages_in_use(self) -> Iterator[None]:
        """The variables hold their averages inside of the context, and what they held before after it."""
        now = self._pace(self.iterations)
        for weight, average, pace in zip(self._weights, self._averages, self._paces, strict=True):
            keep = _beside(tf.exp(now - pace), weight)
            average.assign(keep * average + (1.0 - keep) * weight)
            pace.assign(tf.fill(tf.shape(pace), now))
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        """Weights for averages, a table at a time: copies of all of them are as large as the model."""
        for weight, average in zip(self._weights, self._averages, strict=True):
            held = weight.numpy()
            weight.assign(average)
            average.assign(held)

    def _move_rows(self, gradient: Any, variable: Any) -> None:
        """One step of the rows that a gradient names, each once (Keras has added up those that were named twice)."""
        rows, values = gradient.indices, gradient.values
        steps = tf.cast(self.iterations + 1, variable.dtype)
        position = self._index_dict[self._var_key(variable)]
        first, second = self._momentums[position], self._velocities[position]
        mean = self.beta_1 * tf.gather(first, rows) + (1 - self.beta_1) * values
        square = self.beta_2 * tf.gather(second, rows) + (1 - self.beta_2) * tf.square(values)
        correction = tf.sqrt(1 - tf.pow(self.beta_2, steps)) / (1 - tf.pow(self.beta_1, steps))
        weights = tf.gather(variable, rows)
        moved = weights - self.learning_rate * correction * mean / (tf.sqrt(square) + self.epsilon)
        first.scatter_update(tf.IndexedSlices(mean, rows))
        second.scatter_update(tf.IndexedSlices(square, rows))
        variable.scatter_update(tf.IndexedSlices(moved, rows))
        if self._momentum:
            average, pace = self._average_of(variable)
            before, now = self._pace(self.iterations), self._pace(self.iterations + 1)
            keep = _beside(tf.exp(before - tf.gather(pace, rows)), weights)
            caught_up = keep * tf.gather(average, rows) + (1.0 - keep) * weights
            keep = tf.cast(tf.exp(now - before), variable.dtype)
            average.scatter_update(tf.IndexedSlices(keep * caught_up + (1.0 - keep) * moved, rows))
            pace.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(rows), now), rows))

    def _average_of(self, variable: Any) -> tuple[Any, Any]:
        position = self._index_dict[self._var_key(variable)]
        return self._averages[position], self._paces[position]

    def _pace(self, steps: Any) -> Any:
        """The sum of log m over so many steps, float64: of (1 + step) / (10 + step) it is a quotient of factorials."""
        steps = tf.cast(steps, tf.float64)
        ramp = tf.minimum(steps, tf.constant(self._ramp, tf.float64))
        of_ramp = tf.math.lgamma(ramp + 1) - tf.math.lgamma(ramp + 10) + math.lgamma(10)
        return of_ramp + (steps - ramp) * math.log(self._momentum or 1.0)


def _beside(factors: Any, table: Any) -> Any:
    """One factor a row, in the shape and type that multiplies a table's rows."""
    shape = tf.concat([tf.shape(factors), tf.ones([len(table.shape) - 1], tf.int32)], axis=0)
    return tf.cast(tf.reshape(factors, shape), table.dtype)
