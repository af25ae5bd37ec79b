"""Settings by hand: what is taken, and what a refusal says."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import pytest

from components.errors import InputError
from components.settings import (
    Count,
    Listed,
    OrNone,
    Weight,
    from_json,
    from_mapping,
    one_of,
    require,
    settings,
    to_json,
)


@settings("inner")
class Inner:
    count: Count = 3
    widths: Listed[Count] = (1, 2)
    weight: OrNone[Weight] = None
    word: Annotated[str, one_of("long", "short")] = "long"
    switch: bool = False


@settings()
class Outer:
    inner: Inner = Inner()
    named: dict[str, Inner] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.inner.count < 100, "inner.count", "below 100", self.inner.count)


def refusal(values, cls=Outer):
    with pytest.raises(InputError) as error:
        from_mapping(cls, values)
    return error.value


def test_texts_are_read_as_numbers_lists_and_switches():
    found = from_mapping(Inner, {"count": "7", "widths": "[4, 5]", "weight": "0.5", "switch": "true"})
    assert found == Inner(count=7, widths=(4, 5), weight=0.5, switch=True)
    assert from_mapping(Inner, {"weight": "none"}).weight is None


def test_json_comes_back_as_it_was():
    outer = Outer(inner=Inner(widths=(9,)), named={"a": Inner(weight=1.5)})
    assert from_json(Outer, to_json(outer)) == outer
    assert to_json(from_json(Outer, to_json(outer))) == to_json(outer)


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({"inner": {"count": 0}}, "`inner.count`", "1 or more"),
        ({"inner": {"count": True}}, "`inner.count`", "a number, and not true or false"),
        ({"inner": {"count": "many"}}, "`inner.count`", "a whole number"),
        ({"inner": {"widths": "3,0"}}, "`inner.widths[1]`", "1 or more"),
        ({"inner": {"weight": "nan"}}, "`inner.weight`", "a finite number"),
        ({"inner": {"word": "middle"}}, "`inner.word`", "one of long, short"),
        ({"inner": {"switch": "maybe"}}, "`inner.switch`", "true or false"),
        ({"inner": 3}, "`inner`", "a table of settings"),
        ({"named": 3}, "`named`", "a table"),
        ({"named": {"a": {"weight": -1}}}, "`named.a.weight`", "0 or more"),
        ({"inner": {"count": 100}}, "`inner.count`", "below 100"),
    ],
)
def test_a_value_that_cannot_work_is_told_with_its_key(values, key, expected):
    error = refusal(values)
    assert key in error.what
    assert expected in error.expected
    assert error.received


def test_an_unknown_key_lists_those_of_its_own_table():
    error = refusal({"named": {"a": {"wieght": 1}}})
    assert "`named.a.wieght`" in error.what
    assert error.expected == "one of count, widths, weight, word, switch"
    assert error.action == "did you mean `weight`?"


def test_code_is_told_the_same_as_a_preset():
    with pytest.raises(InputError, match=r"`inner\.count`"):
        Inner(count=-1)
    with pytest.raises(InputError, match=r"`inner\.word`"):
        dataclasses.replace(Inner(), word="middle")


def test_a_key_that_must_be_given_is_named():
    @settings("part")
    class Part:
        name: str

    with pytest.raises(InputError, match=r"`part\.name` is missing"):
        Part()
