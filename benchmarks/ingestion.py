"""Speed and memory of ingestion on generated CSV files: from csv to artifacts.

    python -m benchmarks.ingestion                       100,000, 1, 10 and 25 million ratings
    python -m benchmarks.ingestion --ratings 100000000   2.6 GB of csv
    python -m benchmarks.ingestion --write               puts the table into docs/results.md

Each size runs in a process of its own, so that the peak of memory is its own too. Imports are not counted. Users have
154 ratings on average, drawn without a pattern: users in no order, a few items popular, times over 25 years.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as pa_csv

from benchmarks.results_table import publish, table

SIZES = (100_000, 1_000_000, 10_000_000, 25_000_000)
CHUNK = 2_000_000


def main() -> None:
    """Measures every size and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, nargs="*", default=SIZES, help="numbers of ratings to generate")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    parser.add_argument("--measure", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(_measured(Path(arguments.measure))))
        return
    header = (
        "ratings",
        "seconds",
        "CPU seconds",
        "rows a CPU second",
        "rows a second",
        "peak memory",
        "size of Examples",
    )
    text = table(header, [_line(_in_own_process(size)) for size in arguments.ratings])
    text = f"Ingestion, from csv to artifacts, {multiprocessing.cpu_count()} cores:\n\n{text}"
    print(text)
    if arguments.write:
        publish("ingestion", text)


def _in_own_process(ratings: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        _generate(Path(folder), ratings)
        command = [sys.executable, "-m", "benchmarks.ingestion", "--measure", folder]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    measured: dict[str, float] = json.loads(output.splitlines()[-1])
    return measured


def _generate(folder: Path, ratings: int) -> None:
    rng = np.random.default_rng(1)
    users, items = max(1, ratings // 154), min(62_000, 1_000 + ratings // 400)
    with (folder / "ratings.csv").open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        for start in range(0, ratings, CHUNK):
            rows = min(CHUNK, ratings - start)
            drawn = pa.table(
                {
                    "userId": rng.integers(1, users + 1, rows),
                    "movieId": (items * rng.random(rows) ** 3).astype(np.int64) + 1,
                    "rating": rng.integers(1, 11, rows) / 2,
                    "timestamp": rng.integers(800_000_000, 1_600_000_000, rows),
                }
            )
            pa_csv.write_csv(drawn, file, pa_csv.WriteOptions(include_header=False))


def _measured(folder: Path) -> dict[str, float]:
    from components import artifacts
    from components.ingestion import executor  # noqa: F401 - its imports take longer than small data
    from components.ingestion.config import DataConfig
    from tests.datasets import ingest

    wall, cpu = time.monotonic(), time.process_time()
    ingested = ingest(folder / "artifacts", DataConfig(source="files", ratings=str(folder / "ratings.csv")))
    return {
        "seconds": time.monotonic() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "rows": sum(ingested.examples.get_int_custom_property(key) for key in artifacts.ROWS.values()),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "bytes": sum(path.stat().st_size for path in (folder / "artifacts").rglob("*.gz")),
    }


def _line(measured: dict[str, float]) -> list[str]:
    rows = measured["rows"]
    return [
        f"{rows:,.0f}",
        f"{measured['seconds']:,.1f}",
        f"{measured['cpu_seconds']:,.1f}",
        f"{rows / measured['cpu_seconds']:,.0f}",
        f"{rows / measured['seconds']:,.0f}",
        f"{measured['peak_bytes'] / 1e9:.1f} GB",
        f"{measured['bytes'] / 1e6:,.0f} MB",
    ]


if __name__ == "__main__":
    main()
