"""Whatever a request holds, its row gets an answer, and the other rows of the batch the one they would get alone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.components.bundle.small_bundle import random_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return random_bundle(tmp_path_factory.mktemp("bundle"), 120, scann=True)


def full(users, history=(), ratings=(), exclude=(), allow=(), filters=(), told=(), n=0):
    """A request with the same lists for every user."""
    rows = len(users)

    def lists(values, dtype):
        return tf.constant([list(values)] * rows, dtype, [rows, len(values)])

    return {
        "user_id": tf.constant(list(users), tf.string, [rows]),
        "history_item_ids": lists(history, tf.string),
        "history_ratings": lists(ratings, tf.float32),
        "exclude_item_ids": lists(exclude, tf.string),
        "allow_item_ids": lists(allow, tf.string),
        "filters": lists(filters, tf.string),
        "user_features": lists(told, tf.string),
        "context": lists(told, tf.string),
        "n": tf.fill([rows], n),
    }


def test_an_empty_batch_gets_an_empty_answer_from_every_signature(bundle):
    whole = full([])
    requests = {name: {"user_id": whole["user_id"]} for name in ("serving_default", "retrieve", "history")}
    requests["recommend"] = whole
    requests["similar"] = {"item_id": whole["user_id"]}
    requests["rank"] = {"user_id": whole["user_id"], "item_id": whole["user_id"]}
    requests["explain"] = {
        **{name: whole[name] for name in ("user_id", "history_item_ids", "history_ratings")},
        "item_id": whole["user_id"],
    }
    for name, request in requests.items():
        for output in bundle.signatures[name](**request).values():
            assert output.shape[0] == 0


STRANGE = {
    "no text": {
        "history": [b"\xff\xfe", b"\x00"],
        "ratings": [1.0, 2.0],
        "exclude": [b"\xc3"],
        "filters": [b"\xff", b"-\xff"],
    },
    "no numbers": {"history": ["1", "2", "3"], "ratings": [np.nan, np.inf, -np.inf]},
    "fewer stars than items": {"history": ["1", "2", "3"], "ratings": [5.0]},
    "more stars than items": {"history": ["1"], "ratings": [5.0, 1.0, 2.0]},
    "all items known": {"history": [str(i) for i in range(1_000)], "ratings": [3.0] * 1_000},
    "all items excluded": {"exclude": [str(i) for i in range(1_000)] * 3},
    "a negative number": {"n": -5},
    "too large a number": {"n": 2**31 - 1},
    "every filter, many times": {"filters": ["genres=Even", "genres=Odd", "-genres=Odd", "=", "-"] * 200},
    "only items that there are not": {"allow": ["nothing", b"\xff"]},
    "every item allowed": {"allow": [str(i) for i in range(1_000)] * 2},
    "features of nobody": {"told": ["country=DE", "=", "", b"\xff"]},
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_strange_row_does_not_touch_the_others(bundle, strange):
    """Two requests merged as a batching server merges them: padded to one width."""
    alone = bundle.signatures["recommend"](**full(["u", "v", ""], n=10))
    merged = merge(full(["u", "v", ""], n=10), full(["v"], **STRANGE[strange]))
    together = bundle.signatures["recommend"](**merged)
    for name, expected in alone.items():
        width = expected.shape[1] if len(expected.shape) == 2 else None
        found, expected = (together[name].numpy()[:3, ..., :width] if width else together[name][:3]), expected.numpy()
        if expected.dtype == np.float32:  # a product of another size may be rounded otherwise in its last bit
            np.testing.assert_allclose(found, expected, rtol=1e-6)
        else:
            np.testing.assert_array_equal(found, expected)
    for name in ("scores", "predicted_ratings"):
        assert np.isfinite(together[name].numpy()).all()
    count = together["count"].numpy()[3]
    assert (together["item_ids"].numpy()[3, :count] != b"").all()
    assert (together["item_ids"].numpy()[3, count:] == b"").all()


def merge(one, other):
    merged = {}
    for name, values in one.items():
        parts = [values, other[name]]
        if len(values.shape) == 2:
            width = max(part.shape[1] for part in parts)
            parts = [
                tf.pad(p, [[0, 0], [0, width - p.shape[1]]], constant_values="" if p.dtype == tf.string else 0)
                for p in parts
            ]
        merged[name] = tf.concat(parts, axis=0)
    return merged


def test_ids_that_are_no_text_are_strangers(bundle):
    users = [b"\xff\xfe", b"", b"u\x00", b"u" * 100_000, b"u"]
    for name in ("serving_default", "retrieve"):
        output = bundle.signatures[name](user_id=tf.constant(users))
        first = output["item_ids"].numpy()
        assert (first[:4] == first[0]).all() and (first[4] != first[0]).any()


def test_a_large_batch_answers_like_its_rows_one_by_one(bundle):
    users = ["u", "v", "", "nobody"] * 150
    output = bundle.signatures["serving_default"](user_id=tf.constant(users))["item_ids"].numpy()
    four = bundle.signatures["serving_default"](user_id=tf.constant(users[:4]))["item_ids"].numpy()
    assert (output.reshape(150, 4, -1) == four[None]).all()
