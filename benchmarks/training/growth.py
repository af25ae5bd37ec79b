"""How training grows with the data: generated ratings, straight into the trainer, without the stages before it.

Run in a process of its own for each size, so that the peak of memory is that size's:

    python -m benchmarks.training.growth RATINGS
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SIZES = (100_000, 1_000_000, 5_000_000)
LOSSES = ("full_softmax", "in_batch_softmax")
EPOCHS = 3
HEADER = (
    "ratings",
    "users",
    "items",
    "loss",
    "rows an epoch",
    "rows a second",
    "seconds an epoch",
    "NDCG@100 of 5,000 users, seconds",
    "peak memory, GB",
)


def lines() -> list[list[str]]:
    """A line of the table for each size and loss."""
    found = []
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.training.growth", str(size)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found += json.loads(done.stdout.strip().splitlines()[-1])
    return found


def measure(ratings: int) -> list[list[str]]:
    """Trains EPOCHS epochs with each loss; the first of them traces and is left out."""
    from benchmarks.training.steps import evaluation_seconds
    from benchmarks.training.systems import curve_of, ours_with

    users, items = max(200, ratings // 83), min(62_000, 1_000 + ratings // 200)
    with tempfile.TemporaryDirectory() as folder:
        from components.ingestion.demo import write_demo

        write_demo(folder, users=users, items=items, ratings=ratings)
        frame = pd.read_csv(Path(folder) / "ratings.csv")
        catalogue = pd.read_csv(Path(folder) / "movies.csv")
    found = []
    for loss in LOSSES:
        config = ours_with(loss=loss, epochs=EPOCHS, eval_every=EPOCHS + 1)
        data = generated_data(frame, catalogue, config)
        curve, model = curve_of(config, data)
        seconds = (curve.points[-1].seconds - curve.points[0].seconds) / (EPOCHS - 1)
        found.append(
            [
                f"{len(frame):,}",
                f"{len(data.sequences):,}",
                f"{len(catalogue):,}",
                loss,
                f"{curve.rows:,}",
                f"{curve.rows / seconds:,.0f}",
                f"{seconds:.1f}",
                f"{evaluation_seconds(model, data, config):.1f}",
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f}",
            ]
        )
    return found


def generated_data(frame: pd.DataFrame, catalogue: pd.DataFrame, config: Any) -> Any:
    """What Transform and the readers would hand over; the last row of each user is asked for."""
    from components.examples import AskedUsers
    from components.feature_specs import ITEM, FeaturesConfig, of
    from components.retrieval.content import item_content
    from components.retrieval.training_data import TrainingData
    from components.transform.content import Content
    from components.transform.graph import EntityFeatures
    from components.transform.preprocessing import ERAS, era_of

    rows_of = {item: row for row, item in enumerate(catalogue["movieId"])}
    frame = frame.sort_values(["userId", "timestamp"], kind="stable")
    frame = frame.assign(row=frame["movieId"].map(rows_of).astype(np.int32))
    last = ~frame.duplicated("userId", keep="last")
    train, asked = frame[~last], frame[last]
    counts = np.bincount(train["row"], minlength=len(catalogue))
    genres, words = (_indices(column) for column in (catalogue["genres"].str.split("|"), _words(catalogue["title"])))
    eras = era_of(catalogue["title"].tolist()).numpy()
    features = EntityFeatures(
        index=np.arange(len(catalogue)),
        values={
            "genres": genres.lists,
            "year": _indices(pd.Series([[era] for era in eras])).lists,
            "title": words.lists,
        },
    )
    sizes = {"genres": genres.size, "year": ERAS, "title": words.size}
    places = {"title": np.arange(words.size + 1, dtype=np.int32)}
    content = item_content(
        Content(of(FeaturesConfig().specs(), ITEM), sizes, places), np.append(counts, 0), config.min_ratings
    )
    seen = _by_user(train)
    return TrainingData(
        content=content,
        items=content.of(features),
        counts=counts,
        sequences=seen,
        marked=AskedUsers(histories=seen, left_out=seen, held_out=_by_user(asked)),
    )


@dataclasses.dataclass(frozen=True)
class _Indexed:
    lists: Any
    size: int


def _words(titles: pd.Series) -> pd.Series:
    return titles.map(lambda title: re.findall(r"[a-z]+", title.lower()))


def _indices(values: Sequence[list[str]]) -> _Indexed:
    from components.ragged import Lists

    numbers: dict[str, int] = {}
    flat = [numbers.setdefault(value, len(numbers)) for one in values for value in one]
    splits = np.cumsum([0, *(len(one) for one in values)])
    return _Indexed(Lists(values=np.array(flat, np.int64), row_splits=splits), len(numbers))


def _by_user(frame: pd.DataFrame) -> Any:
    from components.examples import RaggedRows

    lengths = frame.groupby("userId", sort=True).size().to_numpy()
    return RaggedRows(
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        rows=frame["row"].to_numpy(np.int32),
        timestamps=frame["timestamp"].to_numpy(np.int64),
    )


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(json.dumps(measure(int(sys.argv[1]))))
