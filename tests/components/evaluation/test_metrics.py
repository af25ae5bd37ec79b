"""Every figure of the Evaluator equals a brute force over the test rows, with one shard and with many."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.evaluation.results import EvaluationResult
from tests.components.evaluation.fake_bundle import Answers, Row, make_answers, make_peers, make_rows
from tests.components.evaluation.run_evaluator import evaluate

ROWS = make_rows()
ANSWERS = make_answers(ROWS, quality=0.7, star_noise=0.5)
SERVED = make_answers(ROWS, quality=0.6, star_noise=0.6, seed=8)


def recall(items: list[str], held_out: tuple[str, ...], k: int) -> float:
    return sum(item in held_out for item in items[:k]) / len(held_out)


def ndcg(items: list[str], held_out: tuple[str, ...], k: int) -> float:
    gains = [1 / math.log2(i + 2) if item in held_out else 0 for i, item in enumerate(items[:k])]
    return sum(gains) / sum(1 / math.log2(i + 2) for i in range(min(k, len(held_out))))


def reciprocal_rank(items: list[str], held_out: tuple[str, ...], k: int) -> float:
    ranks = [i + 1 for i, item in enumerate(items) if item in held_out]
    return 1 / ranks[0] if ranks else 0.0


def mean(rows: list[Row], lists: dict[str, list[str]], score: Callable[..., float], k: int) -> float:
    return float(np.mean([score(lists[row.user], row.held_out, k) for row in rows if row.held_out]))


def errors(rows: list[Row], stars: dict[tuple[str, str], float]) -> np.ndarray:
    return np.array([np.float32(stars[row.user, row.item]) - row.rating for row in rows])


def rmse(rows: list[Row], stars: dict[tuple[str, str], float]) -> float:
    return float(np.sqrt(np.mean(errors(rows, stars) ** 2)))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EvaluationResult]:
    """The same rows on two engines, with other shards."""
    folder = tmp_path_factory.mktemp("evaluation")
    return {
        runner: evaluate(folder / runner, ROWS, ANSWERS, served=SERVED, runner=runner, shards=shards)
        for runner, shards in (("FnApiRunner", 1), ("BundleBasedDirectRunner", 8))
    }


@pytest.fixture(scope="module", params=["FnApiRunner", "BundleBasedDirectRunner"])
def result(request: pytest.FixtureRequest, results: dict[str, EvaluationResult]) -> EvaluationResult:
    return results[request.param]


def check_figures(result: EvaluationResult, rows: list[Row], answers: Answers) -> None:
    overall, peers = result.overall, make_peers(rows)
    for k in (5, 10, 20):
        for name, score in ((f"recall_at_{k}", recall), (f"ndcg_at_{k}", ndcg)):
            lists = (answers.lists, peers.popular, peers.peer)
            model, popular, peer = (mean(rows, one, score, k) for one in lists)
            assert overall[name].model == pytest.approx(model, abs=1e-9)
            assert overall[name].baseline == pytest.approx(popular, abs=1e-9)
            assert overall[name].peer == pytest.approx(peer, abs=1e-9)
            assert overall[f"{name}_minus_popularity"].model == pytest.approx(model - popular, abs=1e-9)
            assert overall[f"{name}_minus_peer"].model == pytest.approx(model - peer, abs=1e-9)
    assert overall["mrr"].model == pytest.approx(mean(rows, answers.lists, reciprocal_rank, 0), abs=1e-9)
    assert overall["mrr"].baseline == pytest.approx(mean(rows, peers.popular, reciprocal_rank, 0), abs=1e-9)
    recommended = {item for items in answers.lists.values() for item in items[:10]}
    assert overall["coverage_at_10"].model == pytest.approx(len(recommended) / 60)
    assert overall["coverage_at_10"].baseline == pytest.approx(10 / 60)
    assert overall["users"].model == len({row.user for row in rows})
    if rows[0].rating is not None:
        assert overall["rows"].model == len(rows)
        assert overall["rmse"].model == pytest.approx(rmse(rows, answers.stars), abs=1e-7)
        assert overall["rmse"].baseline == pytest.approx(rmse(rows, answers.means), abs=1e-7)
        assert overall["mae"].model == pytest.approx(np.mean(np.abs(errors(rows, answers.stars))), abs=1e-7)
        assert overall["mae"].baseline == pytest.approx(np.mean(np.abs(errors(rows, answers.means))), abs=1e-7)
        ratio = rmse(rows, answers.stars) / rmse(rows, answers.means)
        assert overall["rmse_ratio"].model == pytest.approx(ratio, abs=1e-7)


def test_every_overall_figure_equals_the_brute_force(result: EvaluationResult) -> None:
    check_figures(result, ROWS, ANSWERS)


def per_user_differences(lists: dict[str, list[str]], others: dict[str, list[str]], k: int) -> np.ndarray:
    marked = [row for row in ROWS if row.held_out]
    return np.array([recall(lists[r.user], r.held_out, k) - recall(others[r.user], r.held_out, k) for r in marked])


def near(interval: tuple[float | None, float | None], draws: np.ndarray) -> bool:
    """1,000 draws place a 2.5th percentile within some 8 % of the standard error."""
    expected = np.percentile(draws, [2.5, 97.5])
    return bool(np.all(np.abs(np.array(interval) - expected) < draws.std() / 4))


@pytest.mark.parametrize("other", ["popularity", "peer", "served"])
def test_intervals_are_those_of_a_plain_bootstrap(result: EvaluationResult, other: str) -> None:
    others = {"popularity": make_peers(ROWS).popular, "peer": make_peers(ROWS).peer, "served": SERVED.lists}
    differences = per_user_differences(ANSWERS.lists, others[other], 20)
    draws = np.random.default_rng(0).choice(differences, size=(20_000, len(differences))).mean(axis=1)
    figure = result.overall[f"recall_at_20_minus_{other}"]
    assert figure.model == pytest.approx(differences.mean(), abs=1e-9)
    assert near((figure.lower, figure.upper), draws)


def test_scores_have_intervals_of_their_own(result: EvaluationResult) -> None:
    scores = np.array([recall(ANSWERS.lists[row.user], row.held_out, 10) for row in ROWS if row.held_out])
    draws = np.random.default_rng(0).choice(scores, size=(20_000, len(scores))).mean(axis=1)
    assert near((result.overall["recall_at_10"].lower, result.overall["recall_at_10"].upper), draws)
    rmse_figure = result.overall["rmse"]
    assert rmse_figure.lower is not None and rmse_figure.model is not None and rmse_figure.upper is not None
    assert rmse_figure.lower < rmse_figure.model < rmse_figure.upper


@pytest.mark.parametrize(("name", "other"), [("rmse_ratio", ANSWERS.means), ("rmse_minus_served", SERVED.stars)])
def test_intervals_of_rmse_draw_users_with_all_their_rows(
    result: EvaluationResult, name: str, other: dict[tuple[str, str], float]
) -> None:
    users = sorted({row.user for row in ROWS})
    columns = (np.ones(len(ROWS)), errors(ROWS, ANSWERS.stars) ** 2, errors(ROWS, other) ** 2)
    owner = np.array([users.index(row.user) for row in ROWS])
    rows, mine, theirs = (np.bincount(owner, weights=column) for column in columns)
    drawn = np.random.default_rng(0).integers(len(users), size=(20_000, len(users)))
    rows, mine, theirs = rows[drawn].sum(axis=1), mine[drawn].sum(axis=1), theirs[drawn].sum(axis=1)
    ratio, difference = np.sqrt(mine / theirs), np.sqrt(mine / rows) - np.sqrt(theirs / rows)
    figure = result.overall[name]
    assert near((figure.lower, figure.upper), ratio if name == "rmse_ratio" else difference)


def test_every_figure_is_the_same_digit_by_digit_on_another_engine_with_other_shards(
    results: dict[str, EvaluationResult],
) -> None:
    first, second = results.values()
    assert first == second  # all figures, slices and verdicts


def test_slices_hold_the_users_or_the_rows_of_the_slice(result: EvaluationResult) -> None:
    slices = {(one.feature, one.value): one.metrics for one in result.slices}
    assert set(slices) == {
        *(("user_activity", value) for value in ("1-19", "20-49")),
        *(("item_popularity", value) for value in ("1-4", "5-19", "20-99")),
        *(("item_genres", value) for value in ("Drama", "Comedy")),
    }
    active = [row for row in ROWS if row.activity == "20-49"]
    figures = slices["user_activity", "20-49"]
    assert figures["recall_at_10"].model == pytest.approx(mean(active, ANSWERS.lists, recall, 10), abs=1e-9)
    assert figures["recall_at_10"].baseline == pytest.approx(
        mean(active, make_peers(ROWS).popular, recall, 10), abs=1e-9
    )
    assert figures["users"].model == len({row.user for row in active})
    assert figures["rmse"].model == pytest.approx(rmse(active, ANSWERS.stars), abs=1e-7)
    comedies = [row for row in ROWS if "Comedy" in row.genres]
    figures = slices["item_genres", "Comedy"]
    assert figures["rmse"].model == pytest.approx(rmse(comedies, ANSWERS.stars), abs=1e-7)
    assert figures["rows"].model == len(comedies)
    assert not any(
        word in name for word in ("recall", "coverage", "gini", "novelty") for name in figures
    )  # lists have no genre


def test_data_without_ratings_has_list_metrics_only(tmp_path: Path) -> None:
    rows = make_rows(has_ratings=False)
    answers = make_answers(rows, quality=0.9, star_noise=0.0)
    result = evaluate(tmp_path, rows, answers)
    check_figures(result, rows, answers)
    assert result.blessed
    assert [gate.name for gate in result.gates] == ["recall_lift", "recall_peer", "recall_change"]
    assert {one.feature for one in result.slices} == {"user_activity"}
    assert not {"rmse", "mae", "rmse_ratio", "rows"} & set(result.overall)
