"""Example users, asked of a real bundle; tests/components/bundle/test_recommender.py works out its answers."""

from __future__ import annotations

import numpy as np
import pytest

from components.report.facts import ShownReason
from components.report.people import choose_people, describe_people
from tests.components.bundle.small_bundle import build_bundle

ITEMS = ["a", "b", "c", "d", "é", "f f"]
GENRES = [["Drama"], ["Comedy", "War"], ["Drama", "Comedy"], [], ["Drama"], ["Comedy"]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people") / "bundle"
    users = {"Ann": [0, 1, 2, 5], "Bo": [0, 1], "Cy": [0], "Dee": [1, 0, 2], "Eve": []}
    vectors = np.array([[i, 1.0] for i in range(6)])
    build_bundle(folder, item_ids=ITEMS, genres=GENRES, vectors=vectors, biases=np.zeros(6), users=users, test_rows={})
    return str(folder)


def test_the_middle_one_of_each_group_by_activity_is_chosen(bundle):
    assert choose_people(bundle, 4) == [("Cy", 1), ("Bo", 2), ("Dee", 3), ("Ann", 4)]  # Eve has nothing
    assert choose_people(bundle, 2) == [("Bo", 2), ("Ann", 4)]
    assert choose_people(bundle, 1) == [("Dee", 3)]
    assert choose_people(bundle, 50) == choose_people(bundle, 4)
    assert choose_people(bundle, 0) == []


def test_a_person_has_a_taste_a_list_and_reasons(bundle):
    bo = describe_people(bundle, 4)[1]
    assert (bo.user_id, bo.interactions, bo.source) == ("Bo", 2, "model")
    assert bo.liked == [("Title of b", 3.0), ("Title of a", 3.0)]  # as many stars: the later one first
    # The last item b asks, (1, 1): f f 5 + 1, é 4 + 1, d 3 + 1, c 2 + 1. Stars are the row plus one.
    assert [(item.title, item.score, item.predicted_rating) for item in bo.recommended] == [
        ("Title of f f", 6.0, 6.0),
        ("Title of é", 5.0, 5.0),
        ("Title of d", 4.0, 4.0),
        ("Title of c", 3.0, 3.0),
    ]
    assert [list(item.reasons) for item in bo.recommended] == [
        [ShownReason(title="Title of b", share=1.0, genres=["Comedy"])],
        [ShownReason(title="Title of b", share=1.0, genres=[])],
        [ShownReason(title="Title of b", share=1.0, genres=[])],
        [ShownReason(title="Title of b", share=1.0, genres=["Comedy"])],
    ]
