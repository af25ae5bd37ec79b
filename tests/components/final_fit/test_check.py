"""Whether a bundle that has seen every row is what was judged: real bundles over vectors chosen by hand."""

from __future__ import annotations

import numpy as np
import pytest

from components.bundle.config import BundleConfig
from components.final_fit.check import ImplausibleBundleError, check, lists_of, users_to_ask
from tests.components.bundle.small_bundle import build_bundle

# Two groups of items: whoever had the first of a group is led to the others of it. Items 0 and 4 are popular.
GROUPS = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 4)
USERS = {"ann": [0], "bob": [4], "cy": [0], "dee": [4]}
IDS = [user.encode() for user in USERS]


def bundle(folder, vectors, biases=None):
    build_bundle(
        folder,
        item_ids=[str(item) for item in range(8)],
        genres=[[]] * 8,
        vectors=vectors,
        biases=np.zeros(8) if biases is None else biases,
        users=USERS,
        test_rows={},
        ranked=False,
        config=BundleConfig(retrieve_n=3),
    )
    return lists_of(str(folder), users_to_ask(IDS))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return bundle(tmp_path_factory.mktemp("judged"), GROUPS)


def test_a_successor_that_answers_alike_is_as_near_as_can_be(judged):
    found = check(judged, judged)
    # ann's and cy's lists are 1 2 3, bob's and dee's 5 6 7; popular are 0 4 1: 1 of 3 and 0 of 3.
    assert (found.users, found.overlap) == (4, 1.0)
    assert found.popularity_overlap == pytest.approx((1 / 3 + 0) / 2)


def test_a_successor_that_leads_people_elsewhere_is_not_pushed(judged, tmp_path):
    elsewhere = bundle(tmp_path, np.concatenate([GROUPS[:1], GROUPS[4:7], GROUPS[4:5], GROUPS[:3]]))
    with pytest.raises(ImplausibleBundleError, match="shares 0% of its lists with the judged one"):
        check(judged, elsewhere)


def test_a_successor_whose_scores_are_no_numbers_is_not_pushed(judged, tmp_path):
    broken = bundle(tmp_path, GROUPS, biases=np.array([0, 0, 0, np.inf, 0, 0, 0, 0]))
    with pytest.raises(ImplausibleBundleError, match="not numbers"):
        check(judged, broken)
