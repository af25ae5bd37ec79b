"""A run small enough to be worked out by hand, in the form in which the stages leave it."""

from __future__ import annotations

import dataclasses
from typing import Any

from components.evaluation.results import EvaluationResult, Figure, Gate, SliceFigures
from components.report.facts import Person, Recommended, RunFacts, ShownReason

MARKUP = '<b>Tom & "Jerry"</b> (1940)'
"""A title that would be markup."""

PROFILE: dict[str, Any] = {
    "source": "six rows",
    "columns": "user = userId, item = movieId, rating = rating, timestamp = timestamp",
    "times": "seconds since 1970",
    "unused_columns": ["comment"],
    "left_out": {},
    "events": {},
    "split": "leave_last",
    "ties": "hash",
    "tie_share": 0.0,
    "has_ratings": True,
    "has_timestamps": True,
    "rating_scale": [2.0, 3.0, 5.0],
    "liked_from": None,
    "leave_out_seen": "always",
    "repeat_share": 0.0,
    "heaviest_user": 3,
    "untouched_items": 2,
    "refit": False,
    "new_users": 0,
    "users": 2,
    "items": 5,
    "added_items": 1,
    "duplicates_dropped": 3,
    "splits": [
        {"name": "train", "rows": 4, "users": 2, "items": 3, "first": 0, "last": 86_400, "mean_rating": 3.5},
        {"name": "eval", "rows": 1, "users": 1, "items": 1, "first": 172_800, "last": 172_800, "mean_rating": 2.0},
        {"name": "test", "rows": 1, "users": 1, "items": 1, "first": 259_200, "last": 259_200, "mean_rating": 5.0},
    ],
    "ratings": {"edges": [2.0, 3.0, 5.0], "train": [0, 3, 1], "eval": [1, 0, 0], "test": [0, 0, 1]},
    "periods": {"edges": [0, 129_601, 259_201], "train": [4, 0], "eval": [0, 1], "test": [0, 1]},
    "rows_per_user": {"edges": [1, 2], "counts": [0, 2], "without": 0},
    "rows_per_item": {"edges": [1, 2], "counts": [2, 1], "without": 2},
    "top_share": 0.5,
}
RETRIEVAL = {
    "metric": "eval_ndcg@100",
    "higher_is_better": True,
    "train_metrics": {},
    "best_epoch": 4,
    "best_model": 2,
    "epochs": [
        {"model": 1, "epoch": 1, "seconds": 1.0, "rows_per_second": 4, "loss": 7.0},
        {"model": 1, "epoch": 2, "seconds": 1.0, "rows_per_second": 4, "loss": 6.5, "eval_ndcg@100": 0.25},
        {"model": 1, "epoch": 3, "seconds": 1.0, "rows_per_second": 4, "loss": None},
        {"model": 2, "epoch": 2, "seconds": 1.0, "rows_per_second": 4, "loss": 6.0, "eval_ndcg@100": 0.125},
        {"model": 2, "epoch": 4, "seconds": 1.0, "rows_per_second": 4, "loss": 5.5, "eval_ndcg@100": 0.5},
    ],
}
RANKING = {
    "metric": "eval_rmse",
    "best_epoch": 2,
    "higher_is_better": False,
    "epochs": [
        {"model": 1, "epoch": 1, "seconds": 1.0, "rows_per_second": 4, "loss": 2.0, "eval_rmse": 1.25},
        {"model": 1, "epoch": 2, "seconds": 1.0, "rows_per_second": 4, "loss": 1.5, "eval_rmse": 0.75},
        {"model": 1, "epoch": 3, "seconds": 1.0, "rows_per_second": 4, "loss": 1.25, "eval_rmse": 0.875},
        {"model": 1, "refit": True, "epoch": 1, "seconds": 1.0, "rows_per_second": 4, "loss": 1.0},
        {"model": 1, "refit": True, "epoch": 2, "seconds": 1.0, "rows_per_second": 4, "loss": 0.5},
    ],
    "train_metrics": {"train_rmse": 0.6875},
}
INDEX = {
    "kind": "scann",
    "size": 1_234,
    "dimensions": 17,
    "k": 100,
    "recall": 0.9875,
    "short_recall": 0.9961,
    "queries": 50,
    "leaves": 35,
    "leaves_to_search": 9,
    "reorder": 400,
    "exact_microseconds": 40.0,
    "curve": [
        {"leaves_to_search": 4, "reorder": 400, "recall": 0.75, "short_recall": 0.8125, "microseconds": 10.0},
        {"leaves_to_search": 9, "reorder": 400, "recall": 0.9875, "short_recall": 0.9961, "microseconds": 20.0},
    ],
}
EVALUATION = EvaluationResult(
    blessed=False,
    list_length=10,
    served_version="17",
    peer="item-kNN",
    overall={
        "users": Figure(model=2.0),
        "recall_at_10": Figure(model=0.625, baseline=0.25, peer=0.75, served=0.5, lower=0.5, upper=0.8125),
        "recall_at_10_minus_popularity": Figure(model=0.375, lower=0.125, upper=0.5625),
        "recall_at_10_minus_peer": Figure(model=-0.125, lower=-0.25, upper=-0.0625),
        "coverage_at_10": Figure(model=0.8, baseline=0.4, peer=0.6),
        "rows": Figure(model=4.0),
        "rmse": Figure(model=0.9375, baseline=1.0625, served=None),
        "rmse_ratio": Figure(model=0.8824, lower=0.8125, upper=0.9375),
        "mae": Figure(model=None, baseline=0.875),
    },
    slices=[
        SliceFigures(
            feature="user_activity",
            value="1-19",
            metrics={"users": Figure(model=1.0), "recall_at_10": Figure(model=0.3125, baseline=0.1875)},
        ),
        SliceFigures(
            feature="item_genres",
            value="Film & Noir",
            metrics={"rows": Figure(model=3.0), "rmse": Figure(model=0.5625, baseline=0.6875)},
        ),
    ],
    gates=[
        Gate(
            name="recall_peer",
            metric="recall_at_10_minus_peer",
            baseline="item-kNN",
            passed=False,
            reason="recall@10 0.6250 against 0.7500 of item-kNN: worse <by far>",
            value=-0.125,
            lower=-0.25,
            upper=-0.0625,
            threshold=-0.01,
        ),
        Gate(
            name="rmse_change", metric="rmse_minus_served", baseline="the served version", passed=True, reason="nothing"
        ),
    ],
)
ITEM_MAP = {
    "method": "tsne",
    "catalogue": 5,
    "items": [
        {"item_id": "a", "title": "Amélie (2001)", "genres": ["Comedy", "Romance"], "x": -10.0, "y": 2.0, "rows": 16}
        | {"neighbours": ["b", "c"]},
        {"item_id": "b", "title": MARKUP, "genres": ["Comedy"], "x": 0.0, "y": 0.0, "rows": 4}
        | {"neighbours": ["c", "a"]},
        {"item_id": "c", "title": "Import of Evil (1999)", "genres": [], "x": 10.0, "y": -2.0, "rows": 0}
        | {"neighbours": ["not on the map", "b"]},
    ],
}
GENRES = {
    "folds": 5,
    "items": 40,
    "vectors": "collaborative",
    "genres": [
        {"genre": "Comedy", "items": 20, "auc": 0.75, "average_precision": 0.625, "f1": 0.5}
        | {"majority_f1": 0.0, "chance": 0.375, "always_f1": 0.545}
    ],
    "macro": {"auc": 0.75, "average_precision": 0.625, "f1": 0.5, "majority_f1": 0.0, "chance": 0.375}
    | {"always_f1": 0.545},
    "left_out": [{"genre": "War", "items": 3}],
}
PERSON = Person(
    user_id="ann's <id>",
    interactions=12,
    liked=[(MARKUP, 4.5), ("Unrated", 0.0)],
    source="model",
    recommended=[
        Recommended(
            title="Heat (1995)",
            genres=["Crime", "Drama"],
            score=12.345,
            predicted_rating=3.75,
            reasons=[ShownReason(title=MARKUP, share=0.4375, genres=["Crime"])],
        )
    ],
)


def _drift(feature: str, distance: float) -> dict[str, Any]:
    return {
        "data": "entities",
        "split": "items",
        "feature": feature,
        "measure": "largest difference of a share",
        "distance": distance,
        "threshold": 0.1,
        "is_above": distance > 0.1,
    }


def facts(**changes: Any) -> RunFacts:
    """What the stages of the run left."""
    whole = RunFacts(
        profile=PROFILE,
        gate={
            "warnings": ["entities, split items, item_title: expected a title; found: none"],
            "drift": {
                "version": 1700000000,
                "features": [_drift("item_genres", 0.25), _drift("sequence_ratings", 0.05)],
            },
        },
        training={"RetrievalTrainer": RETRIEVAL, "RankingTrainer": RANKING},
        index=INDEX,
        bundle={"versions": {"tensorflow": "2.16.2"}},
        evaluation=dataclasses.asdict(EVALUATION),
        item_map=ITEM_MAP,
        genres=GENRES,
        people=[PERSON],
    )
    return dataclasses.replace(whole, **changes)


def summary(**changes: Any) -> dict[str, Any]:
    """Its summary.json, as far as the page reads it."""
    whole = {
        "status": "ok",
        "preset": "tiny",
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 185.0,
        "config": {"index": {"min_recall": 0.98}},
        "stages": [
            {"id": "Transform", "status": "ok", "seconds": 7.25, "cached": True, "outputs": {}},
            {"id": "Evaluator", "status": "ok", "seconds": 130.0, "cached": False, "outputs": {}},
        ],
        "evaluation": {"judged_anew": True},
        "push": {"pushed": False, "version": None, "reason": "not blessed", "served_version": 17},
        "failure": None,
        "notices": ["a <notice>"],
        "versions": {"tfx": "1.16.0"},
        "peak_memory_bytes": 2_500_000_000,
    }
    return {**whole, **changes}
