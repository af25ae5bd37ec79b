"""The figures of a run equal plain NumPy on the pushed bundle's own answers to the test rows."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(scope="module")
def answers(first_run, bundle):
    """Rows of the test split, and what the pushed bundle's signature `evaluate` answers."""
    (folder,) = first_run.folder.artifacts.glob("RatingsExampleGen/examples/*")
    files = sorted(str(path) for path in (folder / "Split-test").iterdir())
    examples = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    output = bundle.signatures["evaluate"](examples=tf.constant(examples))
    rows = [tf.train.Example.FromString(example).features.feature for example in examples]
    return rows, {name: tensor.numpy() for name, tensor in output.items()}


def figures(run):
    return run.summary["evaluation"]["metrics"]


def judged_lists(answers, output):
    """(list, held-out movies) of each user."""
    rows, outputs = answers
    for row, movies in zip(rows, outputs[output], strict=True):
        held_out = set(row["held_out_movie_ids"].bytes_list.value)
        if held_out:
            yield [movie for movie in movies.tolist() if movie], held_out


def recall(movies, held_out, k):
    return np.mean([movie in movies[:k] for movie in held_out])


def ndcg(movies, held_out, k):
    discounts = 1 / np.log2(np.arange(2, k + 2))
    hits = np.array([movie in held_out for movie in movies[:k]])
    return (hits * discounts[: len(hits)]).sum() / discounts[: len(held_out)].sum()


LISTS = {"model": "movie_ids", "baseline": "popular_movie_ids"}


@pytest.mark.parametrize("side", LISTS)
@pytest.mark.parametrize("k", [10, 20, 100])
def test_recall_and_ndcg(first_run, answers, side, k):
    lists = list(judged_lists(answers, LISTS[side]))
    assert len(lists) == 150  # every user has test rows
    for name, formula in (("recall", recall), ("ndcg", ndcg)):
        expected = np.mean([formula(movies, held_out, k) for movies, held_out in lists])
        assert figures(first_run)[f"{name}_at_{k}"][side] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("side", LISTS)
def test_reciprocal_rank_and_coverage(first_run, answers, side):
    lists = list(judged_lists(answers, LISTS[side]))
    ranks = [next((1 / (at + 1) for at, movie in enumerate(movies) if movie in asked), 0) for movies, asked in lists]
    assert figures(first_run)["mrr"][side] == pytest.approx(np.mean(ranks), abs=1e-6)
    shown = {movie for movies, _ in lists for movie in movies[:10]}
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
    for row, movies in zip(rows, outputs["movie_ids"], strict=True):
        seen = set(row["seen_movie_ids"].bytes_list.value)
        assert not seen & set(movies.tolist())


def test_the_lower_bound_of_the_lift_lies_below_the_lift_by_the_bootstrap(first_run, answers):
    pairs = zip(*(judged_lists(answers, output) for output in LISTS.values()), strict=True)
    lifts = np.array([recall(mine, asked, 100) - recall(popular, asked, 100) for (mine, asked), (popular, _) in pairs])
    rng = np.random.default_rng(0)
    means = rng.choice(lifts, (4000, len(lifts))).mean(axis=1)
    # Another 1,000 resamplings: the quantile moves by a few per cent of the interval.
    expected, width = np.quantile(means, 0.025), lifts.mean() - np.quantile(means, 0.025)
    assert first_run.gates["recall_lift"]["value"] == pytest.approx(expected, abs=0.2 * width)
