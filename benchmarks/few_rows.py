"""How much L2 the rating model bears with few training rows: `ranking.l2_full_rows` beside the full weight.

    python -m benchmarks few_rows --manual-dir FOLDER           FOLDER holds ml-latest-small.zip
    python -m benchmarks few_rows --manual-dir FOLDER --write   puts the table into docs/results.md

Random users of MovieLens latest-small with all their rows; the split is the pipeline's `leave_last`, and only its
eval rows are looked at. The default rating model with one seed; each line is the mean over the draws of the users
(`numpy.random.default_rng(draw)`). Two minutes on two cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import os

import numpy as np
import pandas as pd

from benchmarks.archive_option import add_archive_option
from benchmarks.quality.splits import read_archive
from benchmarks.results_table import publish, table
from components.examples import Interactions, RaggedRows, UserSequences
from components.features import TRAIN_PART
from components.ragged import Lists
from components.ranking.config import RankingConfig
from components.ranking.item_features import Feature, ItemFeatures
from components.ranking.known_ratings import KnownRatings, RatingRows, held_out_rows, known_ratings
from components.transform.preprocessing import ERAS, era_of

USERS = (20, 50, 100, 200)
DRAWS = 2
HELD_OUT = 5
SHARES = (1.0, 0.5, 0.25, 0.1)
DEFAULT = RankingConfig()


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_archive_option(parser)
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    ratings, items = read_archive(arguments.manual_dir)
    catalogue = pd.read_csv(io.BytesIO(items)).set_index("movieId")
    lines = []
    for users in USERS:
        draws = [measure(drawn(ratings, users, draw), catalogue) for draw in range(DRAWS)]
        rows, *errors = np.mean(draws, axis=0)
        lines.append((users, f"{rows:,.0f}", f"{DEFAULT.l2_share(int(rows)):.2f}", *(f"{one:.4f}" for one in errors)))
    header = ["users", "training rows", "default's share", "default", *(f"share {share:g}" for share in SHARES)]
    text = f"RMSE of the eval rows by the share of the L2 settings:\n\n{table(header, lines)}"
    print(text)
    if arguments.write:
        publish("few_rows", text)


def drawn(ratings: pd.DataFrame, users: int, draw: int) -> pd.DataFrame:
    """All rows of random users, each user's oldest first."""
    chosen = np.random.default_rng(draw).choice(ratings["user"].unique(), users, replace=False)
    return ratings[ratings["user"].isin(chosen)].sort_values(["user", "timestamp"], kind="stable")


def measure(ratings: pd.DataFrame, catalogue: pd.DataFrame) -> list[float]:
    """Training rows, and the best eval RMSE by the default and by each of `SHARES`."""
    from components.ranking.fitting import Epoch, fit

    features, known, eval_rows = laid_out(ratings, catalogue)
    rows = len(known.rows)
    errors = []
    for share in (DEFAULT.l2_share(rows), *SHARES):
        weights = {
            name: share * getattr(DEFAULT, name)
            for name in ("l2_ids", "l2_history", "l2_features", "l2_user_features", "l2_biases")
        }
        epochs: list[Epoch] = []
        fit(dataclasses.replace(DEFAULT, l2_full_rows=1, **weights), features, known, eval_rows, epochs.append)
        errors.append(min(epoch.metrics["RMSE"] for epoch in epochs))
    return [rows, *errors]


def _feature(name: str, size: int, lists: list[list[int]]) -> Feature:
    lengths = [len(one) for one in lists]
    values = Lists(
        row_splits=np.cumsum([0, *lengths]).astype(np.int64),
        values=np.array([value for one in lists for value in one], np.int32),
    )
    weights = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    return Feature(name=name, size=size, values=values, weights=weights)


def laid_out(ratings: pd.DataFrame, catalogue: pd.DataFrame) -> tuple[ItemFeatures, KnownRatings, RatingRows]:
    """What the rating model reads of the training rows, and the eval rows."""
    groups = ratings.groupby("user")
    held_out = np.minimum(HELD_OUT, groups["item"].transform("size") // 3)
    from_end = groups.cumcount(ascending=False)
    train, held = ratings[from_end >= 2 * held_out], ratings[(from_end >= held_out) & (from_end < 2 * held_out)]
    items = np.sort(ratings["item"].unique())
    known_items = np.sort(train["item"].unique())
    seen = np.isin(items, known_items)
    described = catalogue.loc[items]
    names = [[] if genres.startswith("(") else genres.split("|") for genres in described["genres"]]
    genres = sorted({name for one in names for name in one})
    features = ItemFeatures(
        item_index=np.where(seen, np.cumsum(seen) - 1, len(known_items)).astype(np.int32),
        known_items=len(known_items),
        features=(
            _feature("genres", len(genres) + 1, [[genres.index(name) for name in one] for one in names]),
            _feature("year", ERAS, era_of(described["title"].tolist()).numpy()[:, None].tolist()),
        ),
    )
    users = train["user"].unique()
    sequences = UserSequences(
        user_ids=_ids(users),
        items=RaggedRows(
            row_splits=np.append(0, train.groupby("user").size().cumsum()).astype(np.int64),
            rows=np.searchsorted(items, train["item"]).astype(np.int32),
            ratings=train["rating"].to_numpy(np.float32),
            timestamps=train["timestamp"].to_numpy(np.int64),
        ),
        parts=np.full(len(train), TRAIN_PART, np.int8),
    )
    known = known_ratings(
        sequences,
        np.arange(len(users), dtype=np.int32),
        features,
        known_users=len(users),
        history_length=DEFAULT.history_length,
        raters=DEFAULT.raters,
    )
    interactions = Interactions(
        user_ids=_ids(held["user"]),
        item_rows=np.searchsorted(items, held["item"]).astype(np.int32),
        ratings=held["rating"].to_numpy(np.float32),
        timestamps=held["timestamp"].to_numpy(np.int64),
    )
    return features, known, held_out_rows(interactions, sequences.user_ids)


def _ids(users: object) -> np.ndarray:
    return np.array([str(user).encode() for user in users], object)


if __name__ == "__main__":
    main()
