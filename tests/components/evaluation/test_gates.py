"""Verdicts and their reasons, judged by TFX's executor on fake bundles."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from components.errors import InputError
from components.evaluation.config import EvaluationConfig
from components.evaluation.gate_config import GateConfig
from components.evaluation.metrics.bootstrap import Interval
from components.evaluation.metrics.verdict import headroom, tolerated
from components.evaluation.results import EvaluationResult, Gate, from_json, read_evaluation, to_json
from tests.components.evaluation.fake_bundle import Peers, make_answers, make_peers, make_rows
from tests.components.evaluation.run_evaluator import evaluate

ROWS = make_rows()
GOOD = make_answers(ROWS, quality=0.7, star_noise=0.5)


def gates(result: EvaluationResult) -> dict[str, Gate]:
    return {gate.name: gate for gate in result.gates}


def refused(result: EvaluationResult) -> set[str]:
    return {gate.name for gate in result.gates if not gate.passed}


def test_a_bundle_that_is_worse_everywhere_is_refused_for_each_reason(tmp_path: Path) -> None:
    bad = make_answers(ROWS, quality=0.1, star_noise=1.5)
    result = evaluate(tmp_path, ROWS, bad, served=GOOD)
    assert not result.blessed
    assert list(gates(result)) == ["recall_lift", "recall_peer", "recall_change", "rmse_ratio", "rmse_change"]
    assert refused(result) == set(gates(result))
    recall, rmse = result.overall["recall_at_20"], result.overall["rmse"]
    assert None not in (recall.model, recall.baseline, recall.peer, recall.served)
    change = gates(result)["recall_change"]
    assert change.metric == "recall_at_20_minus_served"
    assert change.value == pytest.approx(recall.model - recall.served)
    assert change.lower < change.value < change.upper < 0
    assert (change.threshold, change.baseline_version) == (-0.01, "1700000000")
    assert change.reason == (
        f"recall@20 {recall.model:.4f} against {recall.served:.4f} of the served version 1700000000: "
        f"{change.value:+.4f} ({change.lower:+.4f} to {change.upper:+.4f}); "
        "worse by more than noise, and by more than 0.01"
    )
    lift = gates(result)["recall_lift"]
    assert (lift.baseline, lift.threshold) == ("popularity", 0.0)
    assert lift.lower <= 0
    assert lift.reason.endswith(f"({lift.lower:+.4f} to {lift.upper:+.4f}); the interval does not lie above 0")
    ratio = gates(result)["rmse_ratio"]
    assert ratio.value == pytest.approx(rmse.model / rmse.baseline)
    assert ratio.reason == (
        f"RMSE {rmse.model:.4f} against {rmse.baseline:.4f} of user + item means: ratio {ratio.value:.4f} "
        f"({ratio.lower:.4f} to {ratio.upper:.4f}); the interval does not lie below 1"
    )
    assert gates(result)["rmse_change"].value == pytest.approx(rmse.model - rmse.served)
    assert (tmp_path / "blessing" / "NOT_BLESSED").exists()
    assert from_json(to_json(result)) == result


def test_a_difference_that_is_noise_refuses_nothing(tmp_path: Path) -> None:
    """The served bundle found an item more for two of 40 users, and errs a hair less: nobody can tell."""
    marked = [row for row in ROWS if row.held_out]
    losers = [row for row in marked if set(GOOD.lists[row.user]) & set(row.held_out)][:2]
    lists = dict(GOOD.lists)
    for row in losers:
        lists[row.user] = [item for item in lists[row.user] if item != row.held_out[0]]
    means = dict(zip(GOOD.stars, make_answers(ROWS, quality=0.7, star_noise=0.5, seed=9).stars.values(), strict=True))
    result = evaluate(tmp_path, ROWS, dataclasses.replace(GOOD, lists=lists, stars=means), served=GOOD)
    assert result.blessed, result.gates
    change = gates(result)["recall_change"]
    assert change.value < -0.01  # more than is tolerated, were it certain
    assert change.upper >= 0
    assert change.reason.endswith("within noise")


def test_a_list_exactly_as_good_as_popularity_is_refused(tmp_path: Path) -> None:
    peers = make_peers(ROWS)
    same = dataclasses.replace(GOOD, lists=peers.popular)
    nan = dataclasses.replace(same, stars={**GOOD.stars, next(iter(GOOD.stars)): math.nan})
    result = evaluate(tmp_path, ROWS, nan, peers=peers, absent=True)
    lift = gates(result)["recall_lift"]
    assert (lift.value, lift.lower, lift.passed) == (0.0, 0.0, False)
    # And one predicted rating that is no number makes RMSE none, which never passes.
    assert result.overall["rmse"].model is None
    assert not gates(result)["rmse_ratio"].passed
    assert "could not be measured" in gates(result)["rmse_ratio"].reason
    assert gates(result)["recall_change"].reason == "nothing is served yet: recall@20 not compared"
    assert gates(result)["rmse_change"].passed
    assert not result.blessed


def test_a_list_that_beats_popularity_and_is_clearly_below_the_peer_is_refused_by_its_name(tmp_path: Path) -> None:
    peers = Peers(popular=make_peers(ROWS).popular, peer=make_peers(ROWS, quality=1.0).peer)
    result = evaluate(tmp_path, ROWS, GOOD, peers=peers)
    assert refused(result) == {"recall_peer"}
    gate = gates(result)["recall_peer"]
    assert gate.baseline == result.peer == "what the user had most"
    assert " of what the user had most: " in gate.reason
    assert from_json(to_json(result)).peer == "what the user had most"


def test_a_served_bundle_with_a_shorter_list_is_compared_at_its_length(tmp_path: Path) -> None:
    served = make_answers(ROWS, quality=0.1, star_noise=0.5, length=8)
    config = EvaluationConfig(k=100, cut_offs=(5, 50))
    result = evaluate(tmp_path, ROWS, GOOD, served=served, config=config, served_bundle={"length": 8})
    assert result.list_length == 20
    assert gates(result)["recall_change"].metric == "recall_at_8_minus_served"
    assert {name for name in result.overall if name.startswith("recall") and "minus" not in name} == {
        "recall_at_5",
        "recall_at_8",
        "recall_at_20",
    }
    assert result.blessed
    assert result.served_version == "1700000000"


def test_test_rows_without_held_out_items_bless_nothing(tmp_path: Path) -> None:
    rows = [dataclasses.replace(row, held_out=()) for row in ROWS]
    result = evaluate(tmp_path, rows, GOOD, shards=1)
    assert not result.blessed
    assert result.overall["users"].model == 0
    assert result.overall["recall_at_20"].model is None
    assert gates(result)["recall_lift"].reason.startswith("recall@20 could not be measured")
    assert gates(result)["rmse_ratio"].passed


@pytest.mark.parametrize("served", [None, GOOD])
def test_ratings_that_are_all_the_same_are_not_judged_and_the_lists_decide(tmp_path: Path, served: object) -> None:
    """The model and the means both predict the one rating there is: RMSE 0 against 0, whose ratio is no number."""
    rows = [dataclasses.replace(row, rating=4.0) for row in ROWS]
    fours = dict.fromkeys(GOOD.stars, 4.0)
    same = dataclasses.replace(GOOD, stars=fours, means=fours)
    good = evaluate(tmp_path / "good", rows, same, served=served, bundle={"rating_range": (4.0, 4.0)})
    assert good.blessed, good.gates
    assert gates(good)["rmse_ratio"].reason == (
        "RMSE not judged: every training rating is 4, so there are no differences to predict"
    )
    assert "rmse" not in good.overall
    assert "rmse_change" not in gates(good)
    bad = dataclasses.replace(make_answers(ROWS, quality=0.1, star_noise=0.5), stars=fours, means=fours)
    bad_result = evaluate(tmp_path / "bad", rows, bad, bundle={"rating_range": (4.0, 4.0)})
    assert refused(bad_result) == {"recall_lift", "recall_peer"}


def test_a_served_bundle_that_knew_one_rating_is_not_compared_with(tmp_path: Path) -> None:
    fours = dataclasses.replace(GOOD, stars=dict.fromkeys(GOOD.stars, 4.0))
    result = evaluate(tmp_path, ROWS, GOOD, served=fours, served_bundle={"rating_range": (4.0, 4.0)})
    assert result.blessed, result.gates
    assert "rmse_change" not in gates(result)
    assert gates(result)["rmse_ratio"].value < 1


def test_a_served_model_without_the_signature_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"served version 1700000000 .* no signature `evaluate`"):
        evaluate(tmp_path, ROWS, GOOD, served=GOOD, served_bundle={"signature": "serving_default"})


def test_an_evaluation_that_never_ended_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished evaluation"):
        read_evaluation(str(tmp_path))


def test_a_gate_on_another_metric_is_judged_in_its_own_direction(tmp_path: Path) -> None:
    """MAE is better where it is lower: larger errors are refused, smaller ones are not."""
    gates_of_mae = {
        "stars": GateConfig(metric="mae", against="served", rule="not_worse", bound=0.01),
        "means": GateConfig(metric="mae", against="means", rule="better", bound=1.0),
        "page": GateConfig(metric="ndcg_at_5", against="served", rule="not_worse", bound=0.01),
    }
    config = EvaluationConfig(k=20, cut_offs=(5,), gates=gates_of_mae)
    rough = dataclasses.replace(GOOD, stars=make_answers(ROWS, quality=0.7, star_noise=1.5).stars)
    worse = evaluate(tmp_path / "worse", ROWS, rough, served=GOOD, config=config)
    assert refused(worse) == {"stars", "means", "rmse_ratio", "rmse_change"}
    mae = worse.overall["mae"]
    assert gates(worse)["stars"].reason.startswith(
        f"MAE {mae.model:.4f} against {mae.served:.4f} of the served version"
    )
    assert gates(worse)["stars"].threshold == 0.01
    assert gates(worse)["means"].reason.endswith("the interval does not lie below 1")
    better = evaluate(tmp_path / "better", ROWS, GOOD, served=rough, config=config)
    assert better.blessed, better.gates
    assert gates(better)["stars"].reason.endswith("not worse")
    first = evaluate(tmp_path / "first", ROWS, GOOD, config=config)
    assert gates(first)["stars"].reason == "nothing is served yet: MAE not compared"
    assert gates(first)["page"].reason == "nothing is served yet: NDCG@5 not compared"


@pytest.mark.parametrize(
    ("difference", "other", "is_refused"),
    [(-0.009, 0.5, False), (-0.011, 0.5, True), (-0.005, 0.04, True), (-0.003, 0.04, False), (-0.011, math.nan, True)],
)
def test_a_tolerance_is_never_more_than_a_tenth_of_the_other_figure(difference, other, is_refused) -> None:
    """The same loss of recall is little of .5 and an eighth of .04; the interval is certain of it each time."""
    interval = Interval(difference, difference - 0.0005, difference + 0.0005)
    assert (headroom(interval, tolerated(0.01, other), higher_is_better=True) < 0) == is_refused
    flipped = Interval(-difference, -interval.upper, -interval.lower)
    assert (headroom(flipped, tolerated(0.01, other), higher_is_better=False) < 0) == is_refused
