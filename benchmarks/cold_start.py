"""New items and new people: what the bundle answers about those that no model has learned from.

    python -m benchmarks cold_start --manual-dir FOLDER           FOLDER holds ml-latest-small.zip
    python -m benchmarks cold_start --manual-dir FOLDER --write   puts the tables into docs/results.md

New items: a random tenth of the rated items (`numpy.random.default_rng(42)`), all rows of which are test; a
random tenth of the other rows is valid. Nothing but title, year and genres is known of an item in test.
New people: the preset's own split with `split.new_users=0.2`, slice `request_history`.
Figures with intervals are the Evaluator's (docs/metrics.md); lists among new items alone come from the signature
`recommend`, with every other item in `exclude_item_ids`. Six minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.archive_option import add_archive_option
from benchmarks.quality.splits import read_archive
from benchmarks.results_table import publish, table
from components.evaluation.metric_kinds import label_of

PRESET = "movielens-latest-small"
SEED = 42
USERS_AT_ONCE = 16
LIST_METRICS = ("recall_at_100", "ndcg_at_100", "recall_at_10")


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_archive_option(parser)
    parser.add_argument("--output", type=Path, default=Path("runs/cold-start"), help="folder of the runs")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/results.md")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    split = arguments.output / "split"
    ratings, items = read_archive(arguments.manual_dir)
    split.mkdir(parents=True, exist_ok=True)
    (split / "items.csv").write_bytes(items)
    parts = new_item_split(ratings)
    for name, rows in parts.items():
        rows.to_csv(split / f"{name}.csv", index=False)
    files = [("--ratings", "train"), ("--eval-ratings", "valid"), ("--test-ratings", "test"), ("--items", "items")]
    options = [part for option, name in files for part in (option, str(split / f"{name}.csv"))]
    of_items = run(arguments.output / "new-items", options)
    options = ["--manual-dir", str(arguments.manual_dir), "--set", "split.new_users=0.2"]
    of_people = run(arguments.output / "new-people", options)
    text = f"{new_items(of_items, parts)}\n\n{new_people(of_people)}"
    print(text)
    if arguments.write:
        publish("cold_start", text)


def new_item_split(ratings: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Train, valid and test; no item of test is in the others."""
    generator = np.random.default_rng(SEED)
    rated = np.sort(ratings["item"].unique())
    new = set(generator.permutation(rated)[: len(rated) // 10])
    is_new = ratings["item"].isin(new)
    others = ratings[~is_new]
    others = others.iloc[generator.permutation(len(others))]
    held_out = len(others) // 10
    return {"train": others.iloc[held_out:], "valid": others.iloc[:held_out], "test": ratings[is_new]}


def run(output: Path, options: Sequence[str]) -> dict[str, Any]:
    """The summary of a run of the preset."""
    command = [str(Path(sys.executable).parent / "recommender"), "run", "--preset", PRESET, "--output", str(output)]
    subprocess.run([*command, *options], check=True, stdout=sys.stderr)
    summary: dict[str, Any] = json.loads((output / "summary.json").read_text())
    return summary


def new_items(summary: dict[str, Any], parts: dict[str, pd.DataFrame]) -> str:
    """Lists and ratings of the items that only test has."""
    test, figures = parts["test"], summary["evaluation"]["metrics"]
    new = test["item"].nunique()
    rows = [
        [
            label_of(name),
            *(f"{figures[name][system]:.4f}" for system in ("model", "baseline", "peer")),
            _interval(figures[f"{name}_minus_popularity"]),
        ]
        for name in LIST_METRICS
    ]
    lists = table(["lists of the whole catalogue", "bundle", "popularity", "item-kNN", "minus popularity (95 %)"], rows)
    rmse, mae, ratio = (figures[name] for name in ("rmse", "mae", "rmse_ratio"))
    stars = table(
        ["predicted stars", "bundle", "user means", "ratio (95 %)"],
        [
            ["RMSE", f"{rmse['model']:.4f}", f"{rmse['baseline']:.4f}", _interval(ratio, sign="")],
            ["MAE", f"{mae['model']:.4f}", f"{mae['baseline']:.4f}", f"{mae['model'] / mae['baseline']:.4f}"],
        ],
    )
    found, by_chance = among_new(Path(summary["bundle"]), test)
    legend = (
        f"**New items.** {len(test):,} test rows of {test['user'].nunique()} users with {new} items that have no row "
        f"in train or valid. Among these {new} alone the first 20 hold {found:.4f} of a user's test items; in random "
        f"order they would hold {by_chance:.4f}, and popularity and item-kNN know no other order."
    )
    return f"{legend}\n\n{lists}\n\n{stars}"


def among_new(bundle: Path, test: pd.DataFrame, k: int = 20) -> tuple[float, float]:
    """Recall@k of lists of the test's items alone, mean over users, and what a random order would have."""
    import tensorflow as tf

    from serving import contract
    from serving.scann_operations import load_operations

    load_operations(bundle)
    recommend = tf.saved_model.load(str(bundle)).signatures[contract.RECOMMEND]
    catalogue = json.loads((bundle / contract.EXTRA_ASSETS / contract.CATALOGUE_FILE).read_text())
    new = {str(item) for item in test["item"].unique()}
    allowed = [item["id"] for item in catalogue["items"] if item["id"] in new]
    wanted = test.groupby("user")["item"].agg(lambda items: {str(item) for item in items})
    users = [str(user) for user in wanted.index]
    recalls = []
    for start in range(0, len(users), USERS_AT_ONCE):
        part = users[start : start + USERS_AT_ONCE]
        nothing = tf.zeros([len(part), 0], tf.string)
        answer = recommend(
            user_id=tf.constant(part),
            history_item_ids=nothing,
            history_ratings=tf.zeros([len(part), 0]),
            exclude_item_ids=nothing,
            allow_item_ids=tf.tile(tf.constant([allowed]), [len(part), 1]),
            filters=nothing,
            user_features=nothing,
            context=nothing,
            n=tf.fill([len(part)], k),
        )
        for line, items in zip(answer[contract.ITEM_IDS].numpy(), wanted.iloc[start:], strict=False):
            recalls.append(len(items & {item.decode() for item in line}) / len(items))
    return float(np.mean(recalls)), k / len(new)


def new_people(summary: dict[str, Any]) -> str:
    """Lists and ratings of people whom no model has seen, by the number of interactions in the question."""
    slices = [one for one in summary["evaluation"]["slices"] if one["feature"] == "request_history"]
    slices.sort(key=lambda one: int(one["value"]))
    lists, stars = [], []
    for one in slices:
        figures = one["metrics"]
        recall, ndcg = figures["recall_at_100"], figures["ndcg_at_100"]
        lists.append(
            [
                one["value"],
                f"{figures['users']['model']:.0f}",
                *(_number(recall, system) for system in ("model", "baseline", "peer")),
                _interval(figures["recall_at_100_minus_popularity"]),
                *(_number(ndcg, system) for system in ("model", "baseline", "peer")),
            ]
        )
        rmse = figures["rmse"]
        stars.append(
            [
                one["value"],
                f"{figures['rows']['model']:.0f}",
                *(_number(rmse, system) for system in ("model", "baseline")),
                _interval(figures["rmse_ratio"], sign=""),
            ]
        )
    header = ["interactions", "people", "recall@100", "popularity", "item-kNN", "minus popularity (95 %)"]
    header += ["NDCG@100", "popularity", "item-kNN"]
    legend = (
        "**New people.** A fifth of the users, whom nothing learned from; a question carries their last interactions."
    )
    ratings = table(["interactions", "rows", "RMSE", "means", "ratio (95 %)"], stars)
    return f"{legend}\n\n{table(header, lists)}\n\n{ratings}"


def _number(figure: dict[str, Any], system: str) -> str:
    return "–" if figure[system] is None else f"{figure[system]:.4f}"


def _interval(figure: dict[str, Any], sign: str = "+") -> str:
    return f"{figure['model']:{sign}.4f} ({figure['lower']:{sign}.4f} to {figure['upper']:{sign}.4f})"


if __name__ == "__main__":
    main()
