"""Which softmax reaches more in the same seconds, as the catalogue grows: what `retrieval.full_softmax_limit` follows.

Run in a process of its own for each line:

    python -m benchmarks.training.losses ITEMS LOSS

Generated ratings, 83 a user, of which each user's last one is asked for (5,000 users); settings of the preset `auto`,
one seed, without transitions. Seconds are those of training alone, evaluations left out; the first epoch traces.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from components.retrieval.config import FULL_SOFTMAX, IN_BATCH_SOFTMAX

RATINGS, RATINGS_OF_A_USER = 5_000_000, 83
SIZES = (10_000, 30_000, 62_000)
LOSSES = (FULL_SOFTMAX, IN_BATCH_SOFTMAX)
LIMITS = (25.0, 50.0, 100.0)
"""Seconds at which the best NDCG@100 until then is compared."""

HEADER = ("items", "loss", "rows a second", *(f"NDCG@100 after {seconds:g} s" for seconds in LIMITS))


def lines() -> list[list[str]]:
    """A line of the table for each size and loss."""
    found = []
    for items in SIZES:
        for loss in LOSSES:
            command = [sys.executable, "-m", "benchmarks.training.losses", str(items), loss]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    return found


def measure(items: int, loss: str) -> list[str]:
    """Trains with a loss until the last limit."""
    from benchmarks.training.growth import generated_data
    from benchmarks.training.systems import curve_within
    from components.ingestion.demo import write_demo
    from components.retrieval.auto import resolve
    from pipelines.config import load

    with tempfile.TemporaryDirectory() as folder:
        write_demo(folder, users=RATINGS // RATINGS_OF_A_USER, items=items, ratings=RATINGS)
        frame, catalogue = (pd.read_csv(Path(folder) / name) for name in ("ratings.csv", "movies.csv"))
    config = load("auto", data_options={"ratings": "ratings.csv"}).retrieval
    config = dataclasses.replace(config, loss=loss, seeds=1, epochs=10_000, patience=10_000)
    data = generated_data(frame, catalogue, dataclasses.replace(config, min_ratings=5))
    curve = curve_within(resolve(config, data.sequences, len(catalogue)), data, max(LIMITS))
    reached = ([point.ndcg for point in curve.points if point.seconds <= limit] for limit in LIMITS)
    best = (f"{max(ndcgs):.4f}" if ndcgs else "no epoch yet" for ndcgs in reached)
    return [f"{len(catalogue):,}", loss, f"{curve.rows_per_second:,.0f}", *best]


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(json.dumps(measure(int(sys.argv[1]), sys.argv[2])))
