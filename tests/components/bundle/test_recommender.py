"""The signatures of a bundle, asked through a real SavedModel, against answers worked out by hand.

Six items lie on a line: the vector of item `i` is (i, 1), the bias 0. The query is the vector of the
last item of the history, (h, 1), so item `i` scores h * i + 1: for h > 0 the order is f e d c b a.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.bundle.config import BundleConfig
from tests.components.bundle.small_bundle import build_bundle, random_bundle

ITEMS = ["a", "b", "c", "d", "é", "f f"]
GENRES = [["Drama"], ["Comedy"], ["Drama", "Comedy"], [], ["Drama"], ["Comedy"]]
VECTORS = np.array([[i, 1.0] for i in range(6)])
# Popularity: a 3 training rows, b 2, c 1, others 0. The last row of Ann is her test row: item f.
USERS = {"Ann": [0, 1, 2, 5], "Bo": [0, 1], "Cy": [0]}


def small(folder, **options):
    return build_bundle(
        folder,
        item_ids=ITEMS,
        genres=GENRES,
        vectors=VECTORS,
        biases=np.zeros(6),
        users=USERS,
        test_rows={"Ann": 1},
        **options,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return small(tmp_path_factory.mktemp("bundle"))


def ids(answer):
    return [item.id for item in answer.items]


def test_a_known_user_gets_unseen_items_in_the_order_of_relevance(bundle):
    (answer,) = bundle.recommend(["Bo"])
    # Last item b: scores d 3 + 1, é 4 + 1, f 5 + 1, c 2 + 1; a and b are seen.
    assert ids(answer) == ["f f", "é", "d", "c"]
    assert [item.score for item in answer.items] == pytest.approx([6, 5, 4, 3])
    assert [item.predicted_rating for item in answer.items] == [6, 5, 4, 3]
    assert answer.items[1].title == "Title of é"
    assert answer.source == "model"


def test_all_rows_are_known_when_going_live_and_those_before_test_where_answers_are_scored(bundle, tmp_path):
    assert ids(bundle.recommend(["Ann"])[0]) == ["é", "d"]  # f, the test row, is seen
    held_back = small(tmp_path, before_test=True)
    assert ids(held_back.recommend(["Ann"])[0]) == ["f f", "é", "d"]


def test_a_stranger_without_history_gets_popular_items(bundle):
    (answer,) = bundle.recommend(["nobody"])
    assert ids(answer)[:3] == ["a", "b", "c"]
    assert answer.source == "popularity"
    assert answer.items[0].score == pytest.approx(3 / 6)  # 3 of 6 training rows


def test_a_history_in_the_request_replaces_the_stored_one_and_both_are_left_out(bundle):
    (stranger,) = bundle.recommend([""], history=[("d", 4.0)])
    assert (ids(stranger), stranger.source) == (["f f", "é", "c", "b", "a"], "history")
    (known,) = bundle.recommend(["Bo"], history=[("d", 0.0)])
    assert (ids(known), known.source) == (["f f", "é", "c"], "history")


def test_unknown_ids_in_a_history_count_as_no_history(bundle):
    assert bundle.recommend([""], history=[("no such item", 5.0)])[0].source == "popularity"


DISLIKES = {"ratings": {"Ann": [5.0, 4.0, 1.0, 5.0], "Bo": [5.0, 1.0], "Cy": [1.0]}, "liked_from": 3.0}


@pytest.fixture(scope="module")
def with_dislikes(tmp_path_factory):
    return small(tmp_path_factory.mktemp("dislikes"), **DISLIKES)


def test_a_stored_dislike_is_left_out_and_pulls_nothing_in(with_dislikes):
    # Bo liked a and disliked b: the query is a's, (0, 1), so that every item scores 1, and ties go by row.
    (bo,) = with_dislikes.recommend(["Bo"])
    assert (ids(bo), bo.source) == (["c", "d", "é", "f f"], "model")
    # Cy has disliked a and has nothing else: popular items. Liked training rows: a 2, b 1.
    (cy,) = with_dislikes.recommend(["Cy"])
    assert (ids(cy)[0], cy.source, cy.items[0].score) == ("b", "popularity", pytest.approx(1 / 3))
    assert [row[0] for row in with_dislikes.user_history("Bo")] == ["a", "b"]


def test_a_dislike_in_a_question_is_left_out_and_pulls_nothing_in(with_dislikes):
    # Not rated is no dislike: d = (3, 1) is the query, b is left out for being known.
    for rating in (4.0, 3.0, 0.0, float("nan")):
        (answer,) = with_dislikes.recommend([""], history=[("d", rating), ("b", 1.0)])
        assert (ids(answer), answer.source) == (["f f", "é", "c", "a"], "history")
        assert answer.items[0].score == pytest.approx(16)
    (nothing,) = with_dislikes.recommend([""], history=[("f f", 1.0)])
    assert (ids(nothing)[:2], nothing.source) == (["a", "b"], "popularity")


def test_reasons_are_no_dislikes(with_dislikes):
    (stored,) = with_dislikes.explain("Ann", ["é"])  # f = (5, 1) is the query: 5 * 4 + 1; c is a dislike
    assert [(reason.id, reason.score) for reason in stored] == [("f f", pytest.approx(21))]
    (given,) = with_dislikes.explain("Ann", ["é"], history=[("d", 4.0), ("b", 2.0)])
    assert [(reason.id, reason.score) for reason in given] == [("d", pytest.approx(13))]
    # What is given stands for what is stored, also where nothing of it was liked.
    assert with_dislikes.explain("Ann", ["é"], history=[("b", 2.0)]) == [[]]


def test_zero_is_a_rating_where_the_scale_has_it_and_a_number_that_is_none_never_is(tmp_path):
    thumbs = small(tmp_path, scale=(0.0, 1.0), liked_from=1.0)
    assert thumbs.recommend([""], history=[("d", 0.0)])[0].source == "popularity"
    for rating in (1.0, float("nan")):
        assert ids(thumbs.recommend([""], history=[("d", rating)])[0]) == ["f f", "é", "c", "b", "a"]


@pytest.mark.parametrize(("rule", "expected"), [("never", ["f f", "é", "d", "c", "b", "a"]), ("always", ["é", "d"])])
def test_a_list_may_repeat_what_the_rule_does_not_leave_out(tmp_path, rule, expected):
    (answer,) = small(tmp_path, leave_out_seen=rule).recommend(["Ann"])
    assert ids(answer) == expected


def test_excluded_items_do_not_appear(bundle):
    assert ids(bundle.recommend(["Bo"], exclude=["f f", "unknown"])[0]) == ["é", "d", "c"]


def test_genres_keep_items_of_any_of_them(bundle):
    assert ids(bundle.recommend(["Bo"], filters=["genres=Comedy"])[0]) == ["f f", "c"]
    assert ids(bundle.recommend(["Bo"], filters=["genres=Comedy", "genres=Drama"])[0]) == ["f f", "é", "c"]
    assert ids(bundle.recommend(["nobody"], filters=["genres=Drama"])[0]) == ["a", "c", "é"]


def test_a_genre_that_no_item_has_leaves_nothing(bundle):
    (answer,) = bundle.recommend(["Bo"], filters=["genres=Musical"])
    assert answer.items == []


def test_n_is_the_default_at_zero_and_clamped_at_the_maximum(tmp_path):
    two = small(tmp_path, config=BundleConfig(default_n=2))
    assert len(two.recommend(["Bo"])[0].items) == 2
    assert len(two.recommend(["Bo"], n=1)[0].items) == 1
    output = two.signatures["recommend"](**request(["Bo"], n=1_000_000))
    assert output["item_ids"].shape == (1, 100)
    assert output["count"].numpy().tolist() == [4]
    assert output["item_ids"].numpy()[0, 4:].tolist() == [b""] * 96


def request(users, history=(), ratings=None, exclude=(), filters=(), n=0, allow=(), told=()):
    rows = len(users)
    ratings = [0.0] * len(history) if ratings is None else ratings

    def many(values, dtype):
        return tf.reshape(tf.constant(list(values) * rows, dtype), [rows, len(values)])

    return {
        "user_id": tf.constant(users),
        "history_item_ids": many(history, tf.string),
        "history_ratings": many(ratings, tf.float32),
        "exclude_item_ids": many(exclude, tf.string),
        "allow_item_ids": many(allow, tf.string),
        "filters": many(filters, tf.string),
        "user_features": many(told, tf.string),
        "context": many(told, tf.string),
        "n": tf.constant([n] * rows, tf.int32),
    }


def test_empty_strings_are_neutral_anywhere(bundle):
    ask = bundle.signatures["recommend"]
    plain = ask(**request(["Bo"], ["d", "c"], [1, 2], ["f f"], ["genres=Drama"], 3))
    padded = ask(
        **request(
            ["Bo"], ["", "d", "", "c", ""], [0, 1, 0, 2, 0], ["", "f f"], ["", "genres=Drama", ""], 3, ["", ""], [""]
        )
    )
    for name in plain:
        np.testing.assert_array_equal(plain[name].numpy(), padded[name].numpy())


def test_a_history_without_ratings_may_leave_their_list_empty(bundle):
    ask = bundle.signatures["recommend"]
    output = ask(**request([""], ["d"], []))
    assert output["item_ids"].numpy()[0, :5].tolist() == [b"f f", "é".encode(), b"c", b"b", b"a"]


def test_a_row_answers_the_same_alone_and_among_others(bundle):
    users = ["Ann", "nobody", "Bo", "", "Cy"]
    together = bundle.recommend(users)
    assert together == [bundle.recommend([user])[0] for user in users]
    output = bundle.signatures["serving_default"](user_id=tf.constant(users))
    assert output["count"].numpy().tolist() == [len(answer.items) for answer in together]


def test_rows_of_a_batch_may_ask_for_different_numbers(bundle):
    arguments = request(["Bo", "Cy"])
    arguments["n"] = tf.constant([1, 3], tf.int32)
    output = bundle.signatures["recommend"](**arguments)
    assert output["item_ids"].numpy().tolist() == [[b"f f", b"", b""], [b"b", b"c", b"d"]]  # Cy: all tie


def test_the_order_can_follow_predicted_stars(tmp_path):
    # Cy has seen a only, so every item scores 1: relevance ties; stars order by row.
    stars = small(tmp_path / "stars", config=BundleConfig(order="stars"))
    assert ids(stars.recommend(["Cy"])[0]) == ["f f", "é", "d", "c", "b"]


def test_without_ratings_nothing_is_predicted(tmp_path):
    (answer,) = small(tmp_path, ranked=False).recommend(["Bo"])
    assert [item.predicted_rating for item in answer.items] == [0, 0, 0, 0]


def test_similar_compares_directions_and_leaves_the_item_out(bundle):
    # Cosine of (1, 1) with (2, 1), (3, 1), …, (0, 1): closest in angle first.
    assert [item.id for item in bundle.similar("b")][:3] == ["c", "d", "é"]
    assert bundle.similar("b")[0].score == pytest.approx(3 / np.sqrt(2 * 5))
    assert bundle.similar("no such item") == []


def test_what_pulled_an_item_in_is_the_part_of_the_history_in_its_score(bundle):
    # The query is the last item alone, b = (1, 1): with f = (5, 1) it makes 6, all that speaks for f.
    (stored,) = bundle.explain("Bo", ["f f"])
    assert [(reason.id, reason.title) for reason in stored] == [("b", "Title of b")]
    assert (stored[0].score, stored[0].share) == pytest.approx((6, 1))
    given, unknown = bundle.explain("Bo", ["é", "no such item"], history=[("a", 5.0), ("", 0.0), ("d", 0.0)])
    assert [(reason.id, reason.score) for reason in given] == [("d", pytest.approx(13))]
    assert unknown == []
    assert bundle.explain("nobody", ["a"]) == [[]]


def test_history_lists_what_is_known_oldest_first(bundle):
    assert [row[0] for row in bundle.user_history("Ann")] == ["a", "b", "c", "f f"]
    assert bundle.user_history("nobody") == []


def test_retrieve_is_the_first_stage_alone(tmp_path):
    bundle = small(tmp_path, config=BundleConfig(retrieve_n=2))
    output = bundle.signatures["retrieve"](user_id=tf.constant(["Bo", ""]))
    assert output["item_ids"].numpy().tolist() == [[b"f f", "é".encode()], [b"a", b"b"]]


def test_rank_answers_pairs(bundle):
    output = bundle.signatures["rank"](user_id=tf.constant(["Bo"]), item_id=tf.constant(["c"]))
    assert output["predicted_rating"].numpy().tolist() == [3.0]


def example(**features_):
    def feature(value):
        if isinstance(value, list) and value and isinstance(value[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        values = value if isinstance(value, list) else [value]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))

    named = {name: feature(value) for name, value in features_.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


def test_evaluate_finds_a_planted_test_item_from_what_the_row_says_of_the_past(bundle):
    past = {"history_item_ids": ["b", "c"], "history_ratings": [3.0, 3.0]}
    marked = example(user_id="Ann", item_id="f f", seen_item_ids=["a", "b", "c"], held_out_item_ids=["f f"], **past)
    other = example(user_id="Ann", item_id="d", **past)
    output = bundle.signatures["evaluate"](examples=tf.constant([other, marked]))
    # The bundle knows Ann's test row, the row does not: f f must be found and not be left out.
    assert output["item_ids"].numpy().tolist() == [[b"", b"", b""], [b"f f", "é".encode(), b"d"]]
    assert output["predicted_rating"].numpy().tolist() == [4.0, 6.0]


def test_evaluate_asks_from_what_was_liked_and_leaves_out_what_the_row_says(with_dislikes):
    # Liked: d = (3, 1), so f scores 16, é 13, d 10. c is a dislike; the row leaves out nothing but f.
    past = {"history_item_ids": ["d", "c"], "history_ratings": [5.0, 1.0]}
    liked = example(user_id="x", item_id="é", seen_item_ids=["f f"], held_out_item_ids=["é"], **past)
    past = {"history_item_ids": ["d", "c"], "history_ratings": [1.0, 1.0]}
    disliked = example(user_id="x", item_id="é", seen_item_ids=["a"], held_out_item_ids=["é"], **past)
    output = with_dislikes.signatures["evaluate"](examples=tf.constant([liked, disliked]))
    items = output["item_ids"].numpy()
    assert items[0].tolist() == ["é".encode(), b"d", b"c"]
    assert items[1].tolist() == [b"b", b"c", b"d"]  # popular ones: b, then ties by row


def test_evaluate_returns_the_baseline_of_damped_means(bundle):
    row = example(user_id="Bo", item_id="a", history_item_ids=["b"], history_ratings=[3.0])
    output = bundle.signatures["evaluate"](examples=tf.constant([row]))
    assert output["baseline_rating"].numpy().tolist() == pytest.approx([3.0])  # every rating is 3


@pytest.mark.parametrize("seen", [3, 120, 500])
def test_scann_answers_like_exact_search_with_few_and_many_items_left_out(tmp_path, seen):
    exact, approximate = (random_bundle(tmp_path / kind, seen, scann=kind == "scann") for kind in ("exact", "scann"))
    for arguments in ({}, {"filters": ["genres=Odd"]}, {"exclude": ["7", "9"]}, {"allow": ["7", "9", "11"]}):
        for one, other in zip(
            exact.recommend(["u", "v", ""], n=50, **arguments),
            approximate.recommend(["u", "v", ""], n=50, **arguments),
            strict=True,
        ):
            assert ids(one) == ids(other)
