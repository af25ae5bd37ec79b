"""Adam by rows and the moving average of weights, by hand and against Keras's own Adam."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.retrieval.averaging_adam import AveragingAdam


def stepped(optimizer, weight, *gradients):
    """The weight after each of the steps."""
    after = []
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, weight)])
        after.append(weight.numpy())
    return after


def averaged(optimizer, weight):
    with optimizer.averages_in_use():
        return weight.numpy()


def rows(values, *indices):
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(indices), tf.constant([4, 2]))


def test_the_momentum_grows_to_its_bound():
    weight = tf.Variable([0.0])
    optimizer = AveragingAdam(0.1, momentum=0.15)
    first, second, third = stepped(optimizer, weight, *[tf.constant([1.0])] * 3)
    # Momentum (1 + 0) / (10 + 0) = .1, then (1 + 1) / (10 + 1) = .18 and what follows cut to .15.
    expected = 0.1 * 0.0 + 0.9 * first
    expected = 0.15 * expected + 0.85 * second
    expected = 0.15 * expected + 0.85 * third
    assert averaged(optimizer, weight) == pytest.approx(expected, rel=1e-6)
    assert weight.numpy() == third


def test_without_momentum_the_weights_are_their_own_average():
    weight = tf.Variable([1.0])
    optimizer = AveragingAdam(0.1, momentum=0.0)
    (after,) = stepped(optimizer, weight, tf.constant([1.0]))
    assert averaged(optimizer, weight) == after


def test_the_weights_come_back_after_an_error():
    weight = tf.Variable([1.0])
    optimizer = AveragingAdam(0.1, momentum=0.5)
    (after,) = stepped(optimizer, weight, tf.constant([1.0]))
    with pytest.raises(RuntimeError), optimizer.averages_in_use():
        raise RuntimeError
    assert weight.numpy() == after


def by_rows(weight, momentum):
    return AveragingAdam(0.1, momentum, by_rows=[weight])


def test_a_whole_table_moves_as_by_keras_own_adam():
    first = np.arange(8, dtype=np.float32).reshape(4, 2)
    gradients = [np.sin(first + step).astype(np.float32) for step in range(30)]
    whole, named, keras = tf.Variable(first), tf.Variable(first), tf.Variable(first)
    stepped(tf.keras.optimizers.Adam(0.05, jit_compile=False), keras, *map(tf.constant, gradients))
    stepped(AveragingAdam(0.05, momentum=0.6), whole, *map(tf.constant, gradients))
    stepped(AveragingAdam(0.05, 0.6), named, *(rows(gradient[[3, 1, 0, 2]], 3, 1, 0, 2) for gradient in gradients))
    np.testing.assert_allclose(whole.numpy(), keras.numpy(), rtol=1e-5)
    np.testing.assert_allclose(named.numpy(), keras.numpy(), rtol=1e-5)


def test_a_row_moves_by_its_gradient_over_the_root_of_its_mean_square():
    weight = tf.Variable(np.ones((4, 2), np.float32))
    first, second = stepped(by_rows(weight, momentum=0.0), weight, rows([[3.0, 4.0]], 2), rows([[0.0, 2.0]], 2))
    # The mean square of (3, 4) is 12.5, of (0, 2) it is 2: after two steps .999 * .001 * 12.5 + .001 * 2 = .0144875,
    # over 1 - .999² = .001999 that is 7.2474.
    step = 0.1 * np.array([3, 4]) / np.sqrt(12.5)
    np.testing.assert_allclose(first, [[1, 1], [1, 1], 1 - step, [1, 1]], rtol=1e-5)
    np.testing.assert_allclose(second[2], 1 - step - 0.1 * np.array([0, 2]) / np.sqrt(7.2474), rtol=1e-5)


def test_a_table_that_is_moved_by_rows_has_one_moment_a_row():
    whole, weight = tf.Variable(np.ones((4, 2), np.float32)), tf.Variable(np.ones((4, 2), np.float32))
    optimizer = by_rows(weight, momentum=0.5)
    optimizer.build([whole, weight])
    shapes = [tuple(variable.shape) for variable in optimizer.variables if "moment" in variable.name]
    assert shapes == [(4, 2), (4, 2), (4,)]


def test_a_restart_forgets_the_steps():
    weight = tf.Variable(np.ones((4, 2), np.float32))
    optimizer = by_rows(weight, momentum=0.5)
    (once, _) = stepped(optimizer, weight, rows([[3.0, 4.0]], 1), rows([[1.0, 2.0]], 3))
    weight.assign(np.ones((4, 2), np.float32))
    optimizer.restart()
    np.testing.assert_array_equal(averaged(optimizer, weight), 1.0)
    np.testing.assert_array_equal(stepped(optimizer, weight, rows([[3.0, 4.0]], 1))[0], once)


def test_rows_that_no_step_names_stand_still_and_their_average_is_made_up_for():
    weight = tf.Variable(np.ones((4, 2), np.float32))
    optimizer = by_rows(weight, momentum=0.6)
    steps = [(0,), (1,), (1, 2), (0, 2)] * 5
    expected = weight.numpy()
    for step, named in enumerate(steps):
        before = weight.numpy()
        (after,) = stepped(optimizer, weight, rows(np.ones((len(named), 2)), *named))
        assert [(after[row] != before[row]).all() for row in range(4)] == [row in named for row in range(4)]
        momentum = min(0.6, (1 + step) / (10 + step))
        expected = momentum * expected + (1 - momentum) * after
        np.testing.assert_allclose(averaged(optimizer, weight), expected, rtol=1e-5)


def test_rows_that_are_named_twice_move_once_by_the_sum():
    once, twice = tf.Variable(np.zeros((4, 2), np.float32)), tf.Variable(np.zeros((4, 2), np.float32))
    stepped(by_rows(once, 0.5), once, rows([[3.0, 5.0]], 1), rows([[1.0, 1.0]], 1))
    stepped(by_rows(twice, 0.5), twice, rows([[1.0, 2.0], [2.0, 3.0]], 1, 1), rows([[1.0, 1.0]], 1))
    np.testing.assert_allclose(once.numpy(), twice.numpy(), rtol=1e-6)
