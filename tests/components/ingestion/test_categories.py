"""Categories from whatever a column holds."""

from __future__ import annotations

import pytest

from components.ingestion.categories import split_columns


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["Drama|War", "Comedy"], [["Drama", "War"], ["Comedy"]]),
        (["Kitchen, Tools & Co", "Kitchen"], [["Kitchen", "Tools & Co"], ["Kitchen"]]),
        (["a;b, c", "d"], [["a", "b, c"], ["d"]]),
        (["a, b|c"], [["a, b", "c"]]),
        (["['Kitchen', 'Tools']"], [["Kitchen", "Tools"]]),
        (['["Kitchen", "Tools"]'], [["Kitchen", "Tools"]]),
        (['[{"id": 1, "name": "Action"}, {"id": 2, "name": "RPG"}]'], [["Action", "RPG"]]),
        ([["Beauty", "Hair"], [["Home", "Pans"]]], [["Beauty", "Hair"], ["Home", "Pans"]]),
        ([[{"name": "Action"}], {"name": "RPG"}], [["Action"], ["RPG"]]),
        ([[1, 2], 3, b"x"], [["1", "2"], ["3"], ["x"]]),
        (["Home > Kitchen > Pans"], [["Home", "Home > Kitchen", "Home > Kitchen > Pans"]]),
        (["(no genres listed)", "", None, "[]", "nan"], [[], [], [], [], []]),
        (["a|a| a "], [["a"]]),
        (["[not a list", "> 18"], [["[not a list"], ["> 18"]]),
    ],
)
def test_every_form_comes_to_a_list_of_names(values, expected):
    assert split_columns(values) == [[name.encode() for name in names] for names in expected]
