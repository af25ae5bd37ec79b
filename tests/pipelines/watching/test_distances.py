"""Skew and drift: shares by hand, few values, features of people and moments."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipelines.watching.answers import Answered
from pipelines.watching.distances import (
    columns_of,
    compared,
    numbers_among,
    schema_of,
    statistics_of,
    trained_on,
)
from serving.events.event import Event

NOBODY = statistics_of({})


def lists(count, **options):
    fields = {"source": "model", "items": ("a", "b"), "told": 0, "context": (), "user_features": ()} | options
    return [Answered(f"r{n}", 0, 1, "", "recommend", f"u{n}", *fields.values()) for n in range(count)]


def events(*items, rating=None):
    return [Event("u", item, "view", 1.0, rating, str(number), "") for number, item in enumerate(items)]


def kept(**sequences):
    """Statistics as a version keeps them."""
    users = sequences.pop("users", {})
    return {
        ("sequences", "all"): statistics_of(sequences).SerializeToString(),
        ("entities", "users"): statistics_of(users).SerializeToString(),
    }


def distances(now, trained=NOBODY, before=NOBODY, least=10, above=0.1):
    schema = schema_of(now, trained, before, skew_above=above, drift_above=above)
    return {(one.kind, one.feature): one for one in compared(now, trained, before, schema, least)}


def test_items_of_events_are_held_against_the_items_of_training():
    trained = trained_on(kept(sequence_item_ids=[["a"] * 6 + ["b"] * 4] * 10, user_id=[["u"]] * 10))
    now = statistics_of(columns_of([], events(*["a"] * 30, *["b"] * 70), frozenset()))

    one = distances(now, trained)["skew", "item"]

    assert one.distance == pytest.approx(0.3)  # a: .6 and .3
    assert (one.values, one.threshold, one.enough, one.is_above) == ((100, 100), 0.1, True, True)


def test_of_few_values_nothing_is_too_far():
    trained = trained_on(kept(sequence_item_ids=[["a"] * 10] * 10))
    now = statistics_of(columns_of([], events(*["b"] * 9), frozenset()))
    one = distances(now, trained)["skew", "item"]
    assert (one.distance, one.enough, one.is_above) == (1.0, False, False)


def test_the_days_before_are_what_drift_is_from():
    now = statistics_of(columns_of(lists(20, source="popularity"), events(*["a"] * 20), frozenset()))
    before = statistics_of(columns_of(lists(15) + lists(5, source="popularity"), events(*["a"] * 40), frozenset()))
    found = distances(now, before=before)
    assert found["drift", "source"].distance == pytest.approx(0.75)
    assert found["drift", "source"].is_above
    assert found["drift", "item"].distance == 0
    assert not any(kind == "skew" for kind, _ in found)


def test_features_of_moments_and_people():
    """A moment counts with every list, a person once; numbers are numbers as in training."""
    trained = trained_on(
        kept(
            sequence_context_device=[["tv", "tv", "phone", "phone"]] * 10,
            users={"user_id": [["u"]] * 4, "user_country": [["DE"]] * 10 + [["FR"]] * 10, "user_age": [[30.0]] * 20},
        )
    )
    numbers = numbers_among(trained)
    assert numbers == {"user_age"}
    phone = lists(30, context=("device=phone",), user_features=("country=DE", "age=30"))
    again = lists(10, context=("device=tv",), user_features=("country=FR", "age=30"))  # of the first ten people
    now = statistics_of(columns_of(phone + again, [], numbers))

    found = distances(now, trained)

    assert found["skew", "context_device"].distance == pytest.approx(0.25)  # phone: .75 and .5
    assert found["skew", "user_country"].distance == pytest.approx(2 / 3 - 1 / 2, abs=1e-6)  # DE: 20 of 30 people
    assert found["skew", "user_age"].distance == pytest.approx(0, abs=1e-6)
    assert found["skew", "user_age"].values == (30, 20)


def test_stars_that_shrink_are_seen():
    trained = trained_on(kept(sequence_ratings=[[4.0, 5.0]] * 50))
    same = statistics_of(
        columns_of([], events(*"abcdefghij" * 5, rating=4.0) + events(*"abcdefghij" * 5, rating=5.0), frozenset())
    )
    other = statistics_of(columns_of([], events(*"abcdefghij" * 10, rating=1.0), frozenset()))
    assert not distances(same, trained)["skew", "rating"].is_above
    assert distances(other, trained)["skew", "rating"].is_above


def test_a_schema_of_ones_own_has_the_thresholds():
    trained = trained_on(kept(sequence_item_ids=[["a"] * 10] * 10))
    now = statistics_of(columns_of([], events(*["a"] * 80, *["b"] * 20), frozenset()))
    text = 'feature { name: "item" type: BYTES skew_comparator { infinity_norm { threshold: 0.3 } } }'
    schema = text_format.Parse(text + 'feature { name: "gone" type: BYTES }', schema_pb2.Schema())
    (one,) = compared(now, trained, NOBODY, schema, 10)
    assert (one.distance, one.threshold, one.is_above) == (pytest.approx(0.2), 0.3, False)
