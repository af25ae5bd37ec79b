"""The protocols of the quality benchmark: MovieLens latest-small, parted the same way every time.

R1, what does a user watch next: per user by (time, item); the last row is test, the one before valid, else train.
R3, what else does a user like: per user at random; a tenth of the rows (at least one) test, as many valid, else train.
P2, how does a user rate: all rows at random, the last tenth is test, of the others the last tenth valid.
P3, how does a user rate later: all rows by (time, user, item), parted like P2.

Random choices are those of `numpy.random.default_rng(42)`: R3 permutes each user's rows, in the order of
users and items; P2 permutes all rows once, in file order, and takes train, valid and test from the front.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ARCHIVE = "ml-latest-small.zip"
SHA256 = "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436"
PARTS = ("train", "valid", "test")
SEED = 42

Split = dict[str, pd.DataFrame]


def write_splits(folder: Path, destination: Path, names: tuple[str, ...]) -> None:
    """Writes `<destination>/<name>/{train,valid,test}.csv` and `<destination>/movies.csv`.

    Args:
      folder: Where the archive lies, as MovieLens distributes it.
      destination: Where the files go; columns user, item, rating, timestamp.
      names: Protocols of PROTOCOLS.

    Raises:
      SystemExit: There is no archive, or it is not the one whose figures are compared.
    """
    ratings, items = read_archive(folder)
    destination.mkdir(parents=True, exist_ok=True)
    (destination / "movies.csv").write_bytes(items)
    for name in names:
        (destination / name).mkdir(exist_ok=True)
        for part, rows in PROTOCOLS[name](ratings).items():
            rows.to_csv(destination / name / f"{part}.csv", index=False)


def read_archive(folder: Path) -> tuple[pd.DataFrame, bytes]:
    """The archive's ratings (user, item, rating, timestamp, in file order) and its movies.csv as it is."""
    path = folder / ARCHIVE
    if not path.is_file():
        raise SystemExit(
            f"error: there is no {path}\n"
            "  expected: the archive of MovieLens latest-small, whole and unopened\n"
            "  what to do: download it from https://grouplens.org/datasets/movielens/ and name its folder "
            "with --manual-dir or MOVIELENS_DIR"
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(
            f"error: {path} is another edition of the archive\n"
            f"  expected: SHA-256 {SHA256}, of September 2018\n"
            f"  received: SHA-256 {hashlib.sha256(content).hexdigest()}\n"
            "  what to do: download it anew; figures of other rows cannot stand beside the published ones"
        )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        ratings = pd.read_csv(io.BytesIO(archive.read("ml-latest-small/ratings.csv")))
        items = archive.read("ml-latest-small/movies.csv")
    ratings.columns = ["user", "item", "rating", "timestamp"]
    return ratings, items


def leave_last(ratings: pd.DataFrame) -> Split:
    """R1."""
    rows = ratings.sort_values(["user", "timestamp", "item"])
    left = rows.groupby("user").cumcount(ascending=False).clip(upper=2)
    return {part: rows[left == number] for number, part in enumerate(reversed(PARTS))}


def random_of_each_user(ratings: pd.DataFrame) -> Split:
    """R3."""
    rows = ratings.sort_values(["user", "item"]).reset_index(drop=True)
    generator = np.random.default_rng(SEED)
    parts = pd.Series("train", index=rows.index)
    for _, positions in rows.groupby("user").groups.items():
        order = generator.permutation(positions.to_numpy())
        tenth = max(1, round(len(order) / 10))
        parts[order[:tenth]] = "test"
        parts[order[tenth : 2 * tenth]] = "valid"
    return {part: rows[parts == part] for part in PARTS}


def random_rows(ratings: pd.DataFrame) -> Split:
    """P2."""
    return _nine_tenths_twice(ratings.iloc[np.random.default_rng(SEED).permutation(len(ratings))])


def later_rows(ratings: pd.DataFrame) -> Split:
    """P3."""
    return _nine_tenths_twice(ratings.sort_values(["timestamp", "user", "item"]))


def _nine_tenths_twice(rows: pd.DataFrame) -> Split:
    """The last tenth is test, the last tenth of the others valid."""
    tested = int(len(rows) * 0.9)
    valid = int(tested * 0.9)
    return {"train": rows.iloc[:valid], "valid": rows.iloc[valid:tested], "test": rows.iloc[tested:]}


PROTOCOLS: dict[str, Callable[[pd.DataFrame], Split]] = {
    "R1": leave_last,
    "R3": random_of_each_user,
    "P2": random_rows,
    "P3": later_rows,
}
