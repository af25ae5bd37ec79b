"""Lists of data that repeat themselves: what a user had before may come again, the higher the more often it was had."""

from __future__ import annotations

from math import log1p

import numpy as np
import pytest

from components.bundle.stock import write_exact_twin
from components.retrieval.repeats import Repeats
from serving.model import LoadedBundle
from tests.components.bundle.small_bundle import build_bundle

REPEATS = Repeats(weight=1.0, half_life=0.0)
ITEMS = [f"i{number}" for number in range(6)]
# The query is the vector of the last item; item i scores (5 - i) / 10 for who had item 5 last, whose own score is 0.
VECTORS = np.array([[0.5, 0], [0.4, 0], [0.3, 0], [0.2, 0], [0.1, 0], [1.0, 0]])
BIASES = np.array([0, 0, 0, 0, 0, -1.0])


def made(folder, **options) -> LoadedBundle:
    return build_bundle(
        folder,
        item_ids=ITEMS,
        genres=[["a"], ["a"], ["a"], ["b"], ["b"], ["b"]],
        vectors=VECTORS,
        biases=BIASES,
        users={"often": [4, 4, 3, 5], "nobody": []},
        test_rows={"often": 1},
        before_test=True,
        ranked=False,
        leave_out_seen="never",
        repeats=REPEATS,
        **options,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return made(tmp_path_factory.mktemp("repeats") / "1")


def listed(answers) -> list[tuple[str, float]]:
    (answer,) = answers
    return [(item.id, pytest.approx(item.score, abs=1e-5)) for item in answer.items]


# User `often` is known by 4, 4, 3 (the last one is test), so the query is the vector of item 3: .2.
RISEN = [("i4", 0.02 + log1p(20)), ("i3", 0.04 + log1p(10)), ("i0", 0.1), ("i1", 0.08), ("i2", 0.06)]
LAST = ("i5", 0.2 - 1.0)


def test_what_was_had_rises_by_how_often_and_stands_in_the_list_once(bundle):
    assert listed(bundle.recommend(["often"], n=6)) == [*RISEN, LAST]
    assert listed(bundle.recommend(["often"], n=2)) == RISEN[:2]


def test_a_history_that_a_question_tells_takes_the_place_of_the_stored_one_and_may_come_again(bundle):
    history = [(item, 0.0) for item in ("i0", "i0", "i0", "i5")]
    expected = [("i0", 0.5 + log1p(30)), ("i5", log1p(10)), ("i1", 0.4)]
    assert listed(bundle.recommend(["often"], history=history, n=3)) == expected


def test_dislikes_of_a_told_history_do_not_come_again(tmp_path):
    bundle = made(tmp_path / "1", liked_from=3.0)
    told = bundle.recommend([""], history=[("i0", 5.0), ("i1", 1.0), ("i1", 1.0), ("i4", 4.0)], n=6)
    assert listed(told)[:2] == [("i0", 0.05 + log1p(10)), ("i4", 0.01 + log1p(10))]
    assert "i1" not in {item for item, _ in listed(told)}


def test_filters_and_what_is_excluded_hold_for_what_rises_too(bundle):
    assert listed(bundle.recommend(["often"], filters=["genres=b"], n=6)) == [*RISEN[:2], LAST]
    assert listed(bundle.recommend(["often"], exclude=["i4"], n=3)) == RISEN[1:4]
    assert listed(bundle.recommend(["often"], allow=["i4", "i2"], n=6)) == [RISEN[0], RISEN[4]]


def test_who_had_nothing_gets_what_is_popular(bundle):
    (answer,) = bundle.recommend(["nobody"], n=2)
    assert (answer.source, [item.id for item in answer.items]) == ("popularity", ["i4", "i3"])


def test_that_it_was_had_is_a_reason_of_its_own(bundle):
    (reasons,) = bundle.explain("often", ["i4"])
    assert (reasons[0].id, reasons[0].score) == ("i4", pytest.approx(log1p(20), abs=1e-5))  # pulled in by 3 but little


def test_an_exact_twin_answers_alike(bundle, tmp_path):
    write_exact_twin(bundle.path, tmp_path / "2")
    history = [("i2", 0.0), ("i2", 0.0)]
    ours, twins = (one.recommend([""], history=history, n=6) for one in (bundle, LoadedBundle(tmp_path / "2")))
    assert listed(twins) == listed(ours)


def test_lists_are_those_of_the_raised_scores_of_all_items_with_scann_too(tmp_path):
    rng = np.random.default_rng(3)
    vectors, biases = rng.normal(size=(1_000, 8)), rng.normal(size=1_000)
    history = rng.integers(0, 40, size=60).tolist()
    bundle = build_bundle(
        tmp_path / "1",
        item_ids=[str(number) for number in range(1_000)],
        genres=[["a"]] * 1_000,
        vectors=vectors,
        biases=biases,
        users={"u": history, "v": [3]},
        test_rows={},
        scann=True,
        ranked=False,
        leave_out_seen="never",
        repeats=REPEATS,
    )
    scores = vectors @ vectors[history[-1]] + biases
    scores += np.log1p(10 * np.bincount(history, minlength=1_000))
    (answer, _) = bundle.recommend(["u", "v"], n=20)
    assert [item.id for item in answer.items] == [str(row) for row in np.argsort(-scores)[:20]]
