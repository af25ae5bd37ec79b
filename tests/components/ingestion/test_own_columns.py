"""Columns of one's own as values of features, and the kinds that are proposed for them."""

from __future__ import annotations

import pytest

from components.errors import InputError
from components.feature_specs import FeatureSpec
from components.ingestion.own_columns import converted
from components.ingestion.proposals import proposal


def spec(kind, **settings):
    return FeatureSpec(entity="item", name="x", kind=kind, column="x", **settings)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("category", ["Acme ", " ", None, "nan", "A  B"], [[b"Acme"], [], [], [], [b"A B"]]),
        (
            "category",
            [12.0, "12", "12.0", 1.5, float("nan"), True],
            [[b"12"], [b"12"], [b"12"], [b"1.5"], [], [b"true"]],
        ),
        ("categories", ["a|b", "", "b"], [[b"a", b"b"], [], [b"b"]]),
        ("categories", [["a", "b"], None, []], [[b"a", b"b"], [], []]),
        ("number", ["12.5", "1,234", "-3e2", "", "n/a", "inf"], [[12.5], [1234.0], [-300.0], [], [], []]),
        ("number", ["12,5", "1.234,5", "7"], [[12.5], [1234.5], [7.0]]),
        ("number", ["1 234,5", "0,5"], [[1234.5], [0.5]]),
        ("number", [3, 2.5, float("inf"), None], [[3.0], [2.5], [], []]),
        ("vector", ["0.1 0.2", "[0.3, 4]", "", "1e-3;2"], [[0.1, 0.2], [0.3, 4.0], [], [0.001, 2.0]]),
        ("vector", [[1, 2.5], None], [[1.0, 2.5], []]),
        ("text", ["A new Phone", None], [[b"A new Phone"], []]),
        ("year", [1999, "2004", "Heat (1995)", None], [[b"(1999)"], [b"(2004)"], [b"Heat (1995)"], []]),
    ],
)
def test_values_of_every_kind(kind, values, expected):
    assert converted(spec(kind), values) == expected


def test_a_separator_of_ones_own_and_recboles_sequences():
    assert converted(spec("categories", separator=" / "), ["a / b,c"]) == [[b"a", b"b,c"]]
    assert converted(spec("categories"), ["Comedy Drama"], "genre:token_seq") == [[b"Comedy", b"Drama"]]


def test_a_column_without_a_value_is_refused_with_what_it_holds():
    with pytest.raises(InputError, match=r"reads as number, has no value[\s\S]*'red'"):
        converted(spec("number"), ["red", None, ""])


def test_vectors_of_different_lengths_are_refused_with_the_row():
    with pytest.raises(InputError, match=r"row 3 has another length[\s\S]*2 numbers in every row[\s\S]*received: 3"):
        converted(spec("vector"), ["1 2", "", "1 2 3"])


@pytest.mark.parametrize(
    ("values", "kind", "settings"),
    [
        (["Acme", "Zeta", "Acme"] * 50, "category", {}),
        ([f"brand {n % 150}" for n in range(900)], "category", {"min_rows": 5}),
        (["1", "2", "3"] * 40, "category", {}),
        ([str(n) for n in range(200)], "number", {}),
        (["1,299.00", "5.50", "12"] * 30 + [f"{n}.25" for n in range(40)], "number", {}),
        (["a|b", "b|c", "a"] * 40, "categories", {}),
        ([["a"], ["b", "c"]] * 20, "categories", {}),
        (["[0.1, 0.2]", "[0.3, 0.4]"], "vector", {}),
        (["0.1 0.2 0.3 0.4"] * 3, "vector", {}),
        ([f"A very good thing number {n}" for n in range(300)], "text", {"min_rows": 3, "most": 5000}),
        ([f"SKU-{n}" for n in range(300)], "none", {}),
        (["2024-05-01", "2024-05-02"], "none", {}),
        ([None, "", " "], "none", {}),
    ],
)
def test_a_kind_is_proposed_for_what_a_column_holds(values, kind, settings):
    found = proposal("item", "x", "X", values)
    assert (found.kind, found.settings) == (kind, settings)


def test_a_proposal_is_a_section_of_a_preset_and_what_is_none_stands_in_a_comment():
    assert list(proposal("user", "country", "Country", ["DE", "DE", None]).lines()) == [
        "[features.user.country]  # 1 different values, 33 % missing, such as DE",
        'kind = "category"',
        'column = "Country"',
    ]
    assert all(line.startswith("# ") for line in proposal("item", "url", "url", ["https://a", "https://b"]).lines())
