"""Orders of the final list, by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.bundle.config import BundleConfig
from components.bundle.ordering import blend, most_relevant_and_different
from tests.components.bundle.small_bundle import build_bundle

REAL = np.array([[True, True, True, False]])


def test_a_blend_weighs_deviations_from_the_rows_means():
    # Scores 1, 2, 3 lie -1, 0, 1 times sqrt(3/2) from their mean; stars 5, 5, 2 at 1, 1, -2 times 1/sqrt(2).
    scores, stars = tf.constant([[1.0, 2.0, 3.0, 99.0]]), tf.constant([[5.0, 5.0, 2.0, -7.0]])
    expected = 0.75 * np.sqrt(1.5) * np.array([-1, 0, 1]) + 0.25 * np.sqrt(0.5) * np.array([1, 1, -2])
    assert blend(scores, stars, REAL, 0.25).numpy()[0, :3] == pytest.approx(expected, abs=1e-6)


def test_a_blend_means_the_same_whatever_the_scale_of_relevance():
    scores, stars = tf.constant([[1.0, 2.0, 4.0, 0.0]]), tf.constant([[5.0, 4.5, 2.0, 0.0]])
    once, thrice = blend(scores, stars, REAL, 0.5), blend(3 * scores + 7, stars, REAL, 0.5)
    np.testing.assert_allclose(once[:, :3], thrice[:, :3], atol=1e-5)
    alike = blend(tf.ones([1, 4]), tf.ones([1, 4]), REAL, 0.5)  # nothing varies
    assert np.isfinite(alike).all()


def brute(values, similarity, n, diversity):
    values = (values - values.min()) / (values.max() - values.min())
    picked = [int(np.argmax(values))]
    while len(picked) < n:
        gain = (1 - diversity) * values - diversity * similarity[picked].max(axis=0)
        picked.append(max(set(range(len(values))) - set(picked), key=lambda candidate: gain[candidate]))
    return picked


@pytest.mark.parametrize("diversity", [0.1, 0.5, 0.9])
def test_marginal_relevance_equals_brute_force(diversity):
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(2, 12, 4))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    values, similarity = rng.normal(size=(2, 12)), vectors @ vectors.transpose(0, 2, 1)
    padded = np.pad(values, ((0, 0), (0, 2)), constant_values=9.0)
    found = most_relevant_and_different(
        tf.constant(padded, tf.float32),
        tf.constant(np.pad(similarity, ((0, 0), (0, 2), (0, 2))), tf.float32),
        tf.constant(np.pad(np.ones((2, 12), bool), ((0, 0), (0, 2)))),
        tf.constant(13),
        diversity,
    ).numpy()
    for row in range(2):
        assert found[row, :12].tolist() == brute(values[row], similarity[row], 12, diversity)
        assert found[row, 12] in (12, 13)  # padding comes when nothing else is left


def test_a_diverse_list_of_the_bundle_leaves_the_most_similar_items_for_later(tmp_path):
    # Query (1, 0): relevance a 1, b .99, c .5. b points nearly where a does, c elsewhere. Users: x has seen q, (1, 0).
    options = {
        "item_ids": ["q", "a", "b", "c"],
        "genres": [[]] * 4,
        "vectors": np.array([[1.0, 0.0], [1.0, 0.1], [0.99, 0.1], [0.5, -2.0]]),
        "biases": np.zeros(4),
        "users": {"x": [0]},
        "test_rows": {},
    }
    plain = build_bundle(tmp_path / "plain", **options)
    diverse = build_bundle(tmp_path / "diverse", config=BundleConfig(diversity=0.6), **options)
    assert [item.id for item in plain.recommend(["x"])[0].items] == ["a", "b", "c"]
    (answer,) = diverse.recommend(["x"])
    assert [item.id for item in answer.items] == ["a", "c", "b"]
    assert [item.score for item in answer.items] == pytest.approx([1, 0.5, 0.99])  # relevance as it was
    output = diverse.signatures["serving_default"](user_id=tf.constant(["x", "nobody"]))
    assert output["count"].numpy().tolist() == [3, 4]
