from __future__ import annotations

import gc
import weakref

import pytest

from components.memory import give_back, settle


class Knot:
    """Refers to itself, so that it goes by the garbage collector alone."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def seen_again():
    yield
    gc.unfreeze()


def test_what_was_made_after_settling_is_given_back_and_what_stood_before_is_not_looked_at():
    before, gone = Knot(), Knot()
    of_before, of_gone = weakref.ref(before), weakref.ref(gone)
    del gone
    settle()
    assert of_gone() is None  # nobody needed it any more
    after = weakref.ref(Knot())
    del before
    give_back()
    assert after() is None
    assert of_before() is not None
