"""The moving average of weights, by hand."""

from __future__ import annotations

import pytest
import tensorflow as tf

from components.retrieval.averaging import AveragedWeights


def test_the_momentum_grows_to_its_bound():
    weight = tf.Variable(0.0)
    averaged = AveragedWeights([weight], momentum=0.15)
    weight.assign(10.0)
    averaged.update()  # momentum (1 + 0) / (10 + 0) = .1: .1 * 0 + .9 * 10 = 9
    weight.assign(20.0)
    averaged.update()  # (1 + 1) / (10 + 1) = .18 is cut to .15: .15 * 9 + .85 * 20 = 18.35
    with averaged.in_use():
        assert weight.numpy() == pytest.approx(18.35)
    assert weight.numpy() == 20.0


def test_without_momentum_the_weights_are_their_own_average():
    weight = tf.Variable(1.0)
    averaged = AveragedWeights([weight], momentum=0.0)
    weight.assign(5.0)
    averaged.update()
    with averaged.in_use():
        assert weight.numpy() == 5.0


def test_the_weights_come_back_after_an_error():
    weight = tf.Variable(1.0)
    averaged = AveragedWeights([weight], momentum=0.5)
    weight.assign(5.0)
    with pytest.raises(RuntimeError), averaged.in_use():
        raise RuntimeError
    assert weight.numpy() == 5.0
