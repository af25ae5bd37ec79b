"""Adam that moves the rows of a batch alone, and a moving average of the weights that does the same."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-7
BLOCK = 65_536
"""Rows of a table that change places with their averages at once."""


class AveragingAdam(tf.keras.optimizers.Optimizer):  # type: ignore[misc]
    """Adam (Kingma and Ba, 2015) that averages the noise of its steps out of the weights.

    Average = m * average + (1 - m) * weights after every step, with m = min(momentum, (1 + step) / (10 + step)), so
    that a short training is not dominated by where it began (Polyak and Juditsky, "Acceleration of Stochastic
    Approximation by Averaging", 1992).

    A table that is moved by rows costs a step in proportion to the rows that its gradient names, and no memory but its
    average: a row has one second moment for all of its numbers (as Adagrad by rows has in Naumov et al., "Deep Learning
    Recommendation Model", 2019) and no first one. The other rows stand still, and their average is made up for when it
    is next read: it has moved by the product of all m since.

    Args:
      learning_rate: Step size.
      momentum: From 0 (the weights themselves) to below 1.
      by_rows: Tables whose gradients name rows (tf.IndexedSlices, of what was gathered).
    """

    def __init__(self, learning_rate: float, momentum: float, by_rows: Sequence[Any] = ()) -> None:
        super().__init__("averaging_adam", weight_decay=None, jit_compile=False)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self._momentum = momentum
        self._ramp = max(0, math.ceil((10 * momentum - 1) / (1 - momentum)))  # steps at which m is still below momentum
        self._by_rows = {self._var_key(table) for table in by_rows}
        self._weights: list[Any] = []
        self._firsts: list[Any] = []  # None: of a table that is moved by rows
        self._seconds: list[Any] = []
        self._averages: list[Any] = []
        self._paces: list[Any] = []  # the sum of log m up to the step after which a row's average was right

    def build(self, var_list: Sequence[Any]) -> None:
        """Makes the moments and the averages."""
        super().build(var_list)
        if self._weights:
            return
        self._weights = list(var_list)
        for weight in var_list:
            if self._var_key(weight) in self._by_rows:
                self._firsts.append(None)
                self._seconds.append(self.add_variable(weight.shape[:1], weight.dtype, name="second_moment"))
            else:
                self._firsts.append(self.add_variable_from_reference(weight, "first_moment"))
                self._seconds.append(self.add_variable_from_reference(weight, "second_moment"))
            if self._momentum:
                self._averages.append(self.add_variable_from_reference(weight, "average", initial_value=weight))
                self._paces.append(self.add_variable(weight.shape[:1], tf.float64, name="pace"))

    def update_step(self, gradient: Any, variable: Any) -> None:
        """Moves a variable, or some of its rows, and its average."""
        position = self._index_dict[self._var_key(variable)]
        if self._firsts[position] is None:
            self._move_rows(gradient, variable, position)
        else:
            self._move(tf.convert_to_tensor(gradient), variable, position)

    def restart(self) -> None:
        """Forgets every step: the next one is the first, of the weights that the variables have now."""
        moments = [first for first in self._firsts if first is not None] + self._seconds
        for variable in (self.iterations, *moments, *self._paces):
            variable.assign(tf.zeros(variable.shape, variable.dtype))
        for weight, average in zip(self._weights, self._averages, strict=False):  # no averages without momentum
            average.assign(weight)

    @contextlib.contextmanager
    def averages_in_use(self) -> Iterator[None]:
        """The variables hold their averages inside of the context, and what they held before after it."""
        now = self._pace(self.iterations)
        for weight, average, pace in zip(self._weights, self._averages, self._paces, strict=False):
            _exchange(weight, average, tf.exp(now - pace))
            pace.assign(tf.fill(tf.shape(pace), now))
        try:
            yield
        finally:
            for weight, average, pace in zip(self._weights, self._averages, self._paces, strict=False):
                _exchange(weight, average, tf.ones(tf.shape(pace), tf.float64))

    def _move(self, gradient: Any, variable: Any, position: int) -> None:
        """One step of a whole variable."""
        first, second = self._firsts[position], self._seconds[position]
        first.assign_add((gradient - first) * (1 - FIRST_DECAY))
        second.assign_add((tf.square(gradient) - second) * (1 - SECOND_DECAY))
        steps = tf.cast(self.iterations + 1, variable.dtype)
        rate = self.learning_rate * self._correction(variable) / (1 - tf.pow(FIRST_DECAY, steps))
        variable.assign_sub(rate * first / (tf.sqrt(second) + EPSILON))
        if self._momentum:
            average, pace = self._averages[position], self._paces[position]
            before, now = self._pace(self.iterations), self._pace(self.iterations + 1)
            keep = tf.cast(tf.exp(now - before), variable.dtype)
            average.assign(keep * average + (1.0 - keep) * variable)
            pace.assign(tf.fill(tf.shape(pace), now))

    def _move_rows(self, gradient: Any, variable: Any, position: int) -> None:
        """One step of the rows that a gradient names, each once (Keras has added up those that were named twice)."""
        rows, values = gradient.indices, gradient.values
        squares = tf.reduce_mean(tf.reshape(tf.square(values), [tf.shape(values)[0], -1]), axis=1)
        second = self._seconds[position]
        square = SECOND_DECAY * tf.gather(second, rows) + (1 - SECOND_DECAY) * squares
        second.scatter_update(tf.IndexedSlices(square, rows))
        rate = self.learning_rate * self._correction(variable) / (tf.sqrt(square) + EPSILON)
        weights = tf.gather(variable, rows)
        moved = weights - _beside(rate, weights) * values
        variable.scatter_update(tf.IndexedSlices(moved, rows))
        if self._momentum:
            average, pace = self._averages[position], self._paces[position]
            before, now = self._pace(self.iterations), self._pace(self.iterations + 1)
            keep = _beside(tf.exp(before - tf.gather(pace, rows)), weights)
            caught_up = keep * tf.gather(average, rows) + (1.0 - keep) * weights
            keep = tf.cast(tf.exp(now - before), variable.dtype)
            average.scatter_update(tf.IndexedSlices(keep * caught_up + (1.0 - keep) * moved, rows))
            pace.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(rows), now), rows))

    def _correction(self, variable: Any) -> Any:
        """What makes up for second moments that began at 0."""
        return tf.sqrt(1 - tf.pow(SECOND_DECAY, tf.cast(self.iterations + 1, variable.dtype)))

    def _pace(self, steps: Any) -> Any:
        """The sum of log m over so many steps, float64: of (1 + step) / (10 + step) it is a quotient of factorials."""
        steps = tf.cast(steps, tf.float64)
        ramp = tf.minimum(steps, tf.constant(self._ramp, tf.float64))
        of_ramp = tf.math.lgamma(ramp + 1) - tf.math.lgamma(ramp + 10) + math.lgamma(10)
        return of_ramp + (steps - ramp) * math.log(self._momentum or 1.0)


def _exchange(weight: Any, average: Any, keep: Any) -> None:
    """Weights for averages, `keep` of which is left and the rest the weight; in blocks: a copy is as large as a table.

    Args:
      weight: Variable `[n, …]`, on one replica or on each of several.
      average: The same.
      keep: float64 `[n]`, from 0 to 1.
    """
    for weights, averages in zip(_copies(weight), _copies(average), strict=True):
        for start in range(0, len(keep), BLOCK):
            rows = tf.range(start, min(start + BLOCK, len(keep)))
            held, share = tf.gather(weights, rows), tf.gather(keep, rows)
            share = _beside(share, held)
            weights.scatter_update(tf.IndexedSlices(share * tf.gather(averages, rows) + (1.0 - share) * held, rows))
            averages.scatter_update(tf.IndexedSlices(held, rows))


def _copies(variable: Any) -> Sequence[Any]:
    """The variable of each replica of this process."""
    return getattr(variable, "values", (variable,))


def _beside(factors: Any, table: Any) -> Any:
    """One factor a row, in the shape and type that multiplies a table's rows."""
    shape = tf.concat([tf.shape(factors), tf.ones([len(table.shape) - 1], tf.int32)], axis=0)
    return tf.cast(tf.reshape(factors, shape), table.dtype)
