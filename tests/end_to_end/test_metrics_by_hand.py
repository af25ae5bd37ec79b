"""The figures of a run equal plain NumPy on the judged bundle's own answers to the test rows."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(scope="module")
def answers(first_run, judged_bundle):
    """Rows of the test split with the peers' lists, and what the judged bundle's signature `evaluate` answers."""
    (folder,) = first_run.folder.artifacts.glob("PeerLists/judged_rows/*")
    files = sorted(str(path) for path in (folder / "Split-test").iterdir())
    examples = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    output = judged_bundle.signatures["evaluate"](examples=tf.constant(examples))
    rows = [tf.train.Example.FromString(example).features.feature for example in examples]
    return rows, {name: tensor.numpy() for name, tensor in output.items()}


def figures(run):
    return run.summary["evaluation"]["metrics"]


def judged_lists(answers, side):
    """(list, held-out items) of each user."""
    rows, outputs = answers
    for row, items in zip(rows, outputs["item_ids"], strict=True):
        held_out = set(row["held_out_item_ids"].bytes_list.value)
        if held_out and side in PEERS:
            yield list(row[PEERS[side]].bytes_list.value), held_out
        elif held_out:
            yield [item for item in items.tolist() if item], held_out


def recall(items, held_out, k):
    return np.mean([item in items[:k] for item in held_out])


def ndcg(items, held_out, k):
    discounts = 1 / np.log2(np.arange(2, k + 2))
    hits = np.array([item in held_out for item in items[:k]])
    return (hits * discounts[: len(hits)]).sum() / discounts[: len(held_out)].sum()


PEERS = {"baseline": "popular_item_ids", "peer": "peer_item_ids"}


@pytest.mark.parametrize("side", ["model", *PEERS])
@pytest.mark.parametrize("k", [10, 20, 100])
def test_recall_and_ndcg(first_run, answers, side, k):
    lists = list(judged_lists(answers, side))
    assert len(lists) == 150  # every user has test rows
    for name, formula in (("recall", recall), ("ndcg", ndcg)):
        expected = np.mean([formula(items, held_out, k) for items, held_out in lists])
        assert figures(first_run)[f"{name}_at_{k}"][side] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("side", ["model", *PEERS])
def test_reciprocal_rank_and_coverage(first_run, answers, side):
    lists = list(judged_lists(answers, side))
    ranks = [next((1 / (at + 1) for at, item in enumerate(items) if item in asked), 0) for items, asked in lists]
    assert figures(first_run)["mrr"][side] == pytest.approx(np.mean(ranks), abs=1e-6)
    shown = {item for items, _ in lists for item in items[:10]}
    assert figures(first_run)["coverage_at_10"][side] == pytest.approx(len(shown) / 1100, abs=1e-6)


@pytest.mark.parametrize(("side", "output"), [("model", "predicted_rating"), ("baseline", "baseline_rating")])
def test_rating_errors(first_run, answers, side, output):
    rows, outputs = answers
    stars = np.array([row["rating"].float_list.value[0] for row in rows], np.float64)
    errors = outputs[output].astype(np.float64) - stars
    assert figures(first_run)["rmse"][side] == pytest.approx(np.sqrt(np.mean(errors**2)), abs=1e-6)
    assert figures(first_run)["mae"][side] == pytest.approx(np.mean(np.abs(errors)), abs=1e-6)


def test_judged_lists_leave_out_what_was_seen_before(answers):
    rows, outputs = answers
    for row, items in zip(rows, outputs["item_ids"], strict=True):
        seen = set(row["seen_item_ids"].bytes_list.value)
        for judged in (items.tolist(), *(row[feature].bytes_list.value for feature in PEERS.values())):
            assert not seen & set(judged)


@pytest.mark.parametrize(("side", "gate"), [("baseline", "recall_lift"), ("peer", "recall_peer")])
def test_the_interval_of_a_difference_in_recall_is_that_of_the_bootstrap(first_run, answers, side, gate):
    pairs = zip(judged_lists(answers, "model"), judged_lists(answers, side), strict=True)
    lifts = np.array([recall(mine, asked, 100) - recall(other, asked, 100) for (mine, asked), (other, _) in pairs])
    rng = np.random.default_rng(0)
    means = rng.choice(lifts, (4000, len(lifts))).mean(axis=1)
    # Another 1,000 resamplings: the quantiles move by a few per cent of the interval.
    lower, upper = np.quantile(means, [0.025, 0.975])
    found = first_run.gates[gate]
    assert found["value"] == pytest.approx(lifts.mean(), abs=1e-6)
    assert (found["lower"], found["upper"]) == pytest.approx((lower, upper), abs=0.1 * (upper - lower))
