"""People of whom only features are known: what their lists are worth beside the most popular items.

    python -m benchmarks user_features FOLDER           FOLDER holds ml-100k.inter, .user, .item (RecBole's files)
    python -m benchmarks user_features FOLDER --write   puts the table into docs/results.md

A fifth of the users (`numpy.random.default_rng(42)`) is taken out of the interactions and stays in the table of users,
with age, gender and occupation. One run learns from the rest; then every user who was taken out is asked for by id,
without a history. Asked for are all movies that the user rated 4 or more. The interval is over users (bootstrap, 95 %).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.results_table import publish, table
from components.push.versions import newest, version_path

SEED, SHARE = 42, 0.2
LIKED = 4
CUT_OFFS = (10, 20, 100)
FEATURES = (
    "item.genres=none",
    "item.class=categories",
    "item.year=none",
    "item.release_year=number",
    "user.age=number",
    "user.gender=category",
    "user.occupation=category",
)


def main() -> None:
    """Trains, asks and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of ml-100k.inter, ml-100k.user and ml-100k.item")
    parser.add_argument("--output", type=Path, default=Path("runs/user-features"), help="folder of the run")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = pd.read_csv(arguments.folder / "ml-100k.inter", sep="\t", dtype={"user_id:token": str, "item_id:token": str})
    rows.columns = ["user", "item", "rating", "timestamp"]
    users = np.sort(rows["user"].unique())
    cold = np.random.default_rng(SEED).choice(users, int(SHARE * len(users)), replace=False)
    arguments.output.mkdir(parents=True, exist_ok=True)
    train = arguments.output / "train.csv"
    rows[~rows["user"].isin(cold)].to_csv(train, index=False)
    run(arguments.output / "run", train, arguments.folder)
    liked = rows[rows["user"].isin(cold) & (rows["rating"] >= LIKED)].groupby("user")["item"].agg(set)
    text = report(arguments.output / "run", liked)
    print(text)
    if arguments.write:
        publish("user_features", text)


def run(output: Path, train: Path, folder: Path) -> None:
    """One run on the rest of the users, with every feature."""
    files = ["--ratings", train, "--items", folder / "ml-100k.item", "--users", folder / "ml-100k.user"]
    options = [part for feature in FEATURES for part in ("--feature", feature)]
    command = [str(Path(sys.executable).with_name("recommender")), "run", *map(str, files), *options]
    settings = ["--set", "evaluation.slices=item.class,user.gender", "--item-columns", "title=movie_title"]
    subprocess.run([*command, *settings, "--output", str(output)], check=True, stdout=sys.stderr)


def report(output: Path, liked: pd.Series) -> str:
    """Recall and hit rate of lists by features beside the most popular items."""
    from serving.model import LoadedBundle

    version = newest(output / "pushed_model")
    if version is None:
        raise SystemExit(f"{output} has pushed nothing")
    bundle = LoadedBundle(version_path(output / "pushed_model", version))
    asked = list(liked.index)
    found = bundle.recommend(asked, n=max(CUT_OFFS))
    popular = bundle.recommend([""], n=max(CUT_OFFS))
    assert {answer.source for answer in found} == {"features"}
    lines = []
    for k in CUT_OFFS:
        ours, counted = (
            np.array(
                [
                    len({item.id for item in answer.items[:k]} & liked[user]) / min(k, len(liked[user]))
                    for user, answer in zip(asked, answers, strict=True)
                ]
            )
            for answers in (found, popular * len(asked))
        )
        low, high = interval(ours - counted)
        lines.append(
            (
                f"{k}",
                f"{ours.mean():.4f}",
                f"{counted.mean():.4f}",
                f"{(ours - counted).mean():+.4f} ({low:+.4f} to {high:+.4f})",
            )
        )
    header = ["list", "by features", "most popular", "difference (95 %)"]
    about = f"{len(asked):,} users without a history; hits divided by the smaller of the list and what the user liked."
    return f"{about}\n\n{table(header, lines)}"


def interval(differences: np.ndarray, drawings: int = 2_000) -> tuple[float, float]:
    """Of the mean over users, by drawing users again."""
    drawn = np.random.default_rng(SEED).integers(len(differences), size=(drawings, len(differences)))
    low, high = np.percentile(differences[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
