"""The benchmark's scores, worked out by hand."""

import math

import pandas as pd
import pytest

from benchmarks.quality.scores import list_scores, rating_scores


def frame(columns, *rows):
    return pd.DataFrame(rows, columns=columns.split(","))


def test_lists_by_hand():
    seen = frame("user,item", ("a", 1), ("b", 2), ("c", 1))
    # b's item 2 is seen already and not wanted again, which leaves b without a wish; d has no list.
    wanted = frame("user,item", ("a", 4), ("a", 5), ("b", 2), ("c", 3), ("d", 1), ("a", 4))
    lists = frame("user,item,rank", ("a", 5, 3), ("a", 1, 1), ("a", 3, 2), ("c", 4, 1), ("c", 3, 9), ("b", 1, 1))
    scores = {name: value for name, (value, _) in list_scores(lists, seen, wanted, items=10).items()}
    # a: without the seen 1 the list is 3, 5, so 5 is second of two wanted. c: 3 is second. d: nothing.
    second = 1 / math.log2(3)
    assert scores["hr@5"] == pytest.approx(2 / 3)
    assert scores["recall@5"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert scores["ndcg@5"] == pytest.approx((second / (1 + second) + second + 0) / 3)
    assert scores["mrr@100"] == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)
    assert scores["coverage@10"] == pytest.approx(3 / 10)  # 3, 4 and 5; b's list is nobody's who wants something
    # 1, 1 and 0: variance 1/3 with two degrees of freedom.
    assert list_scores(lists, seen, wanted, items=10)["hr@5"][1] == pytest.approx(math.sqrt(1 / 3 / 3))


def test_an_item_counts_only_within_the_first_k():
    lists = pd.DataFrame({"user": 1, "item": range(100, 220), "rank": range(1, 121)})
    nothing = frame("user,item")
    at = {
        place: {
            name: value
            for name, (value, _) in list_scores(lists, nothing, frame("user,item", (1, 99 + place)), 500).items()
        }
        for place in (10, 11, 100, 101)
    }
    assert [at[10]["hr@10"], at[11]["hr@10"], at[100]["hr@100"], at[101]["hr@100"]] == [1, 0, 1, 0]
    assert [at[11]["recall@20"], at[101]["mrr@100"]] == [1, 0]


def test_ratings_by_hand():
    known = frame("user,item,rating", (1, 1, 1.0), (1, 2, 4.0))
    rated = frame("user,item,rating", (1, 3, 4.0), (2, 1, 2.0))
    predictions = frame("user,item,prediction", (2, 1, 2.5), (1, 3, 9.0), (8, 8, 1.0))  # 9 is cut to 4
    scores = rating_scores(predictions, rated, known)
    assert scores["mse"][0] == pytest.approx(0.125)
    assert scores["rmse"][0] == pytest.approx(math.sqrt(0.125))
    assert scores["mae"][0] == pytest.approx(0.25)
    # Squared errors 0 and .25: standard deviation .25 / sqrt(2), by sqrt(2) rows.
    assert scores["mse"][1] == pytest.approx(0.125)
    assert scores["rmse"][1] == pytest.approx(0.125 / (2 * math.sqrt(0.125)))


def test_a_row_without_a_prediction_is_refused():
    known = frame("user,item,rating", (1, 1, 3.0))
    with pytest.raises(ValueError, match="1 of 1 rows"):
        rating_scores(frame("user,item,prediction", (1, 2, 3.0)), known, known)
