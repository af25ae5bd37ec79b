"""Time of every stage and peak memory of whole runs on generated ratings.

    python -m benchmarks pipeline                          100,000, 1 million and 5 million ratings
    python -m benchmarks pipeline --ratings 100000         one size
    python -m benchmarks pipeline --epochs 2               both models for two epochs and none anew: the other stages
    python -m benchmarks pipeline --write                  puts the table into docs/results.md

Every size is a `recommender run` of its own, from nothing, with the settings of SETTINGS.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.results_table import publish, table

SIZES = (100_000, 1_000_000, 5_000_000)
SETTINGS = {
    # Small data trains until it stops getting better; large data makes as many steps in fewer epochs.
    100_000: (),
    1_000_000: ("retrieval.epochs=40", "ranking.epochs=60", "retrieval.batch_size=512"),
    5_000_000: ("retrieval.epochs=8", "retrieval.eval_every=2", "ranking.epochs=15", "retrieval.batch_size=1024"),
}


def main() -> None:
    """Runs every size and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, nargs="*", default=SIZES, help="numbers of ratings to generate")
    parser.add_argument("--epochs", type=int, help="epochs of both models; then no final fit either")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    if arguments.write and arguments.epochs is not None:
        parser.error("--write is for whole runs: what two epochs come to is not published")
    summaries = {size: run(size, arguments.epochs) for size in arguments.ratings}
    text = report(summaries)
    print(text)
    if arguments.write:
        publish("pipeline", text)


def run(ratings: int, epochs: int | None = None) -> dict[str, Any]:
    """The summary of one run, in a process of its own so that the peak of memory is its own."""
    users, items = max(200, ratings // 83), min(62_000, 1_000 + ratings // 200)
    settings = [f"data.demo_users={users}", f"data.demo_items={items}", f"data.demo_ratings={ratings}"]
    settings += SETTINGS.get(ratings, ())
    if epochs is not None:
        settings += [f"retrieval.epochs={epochs}", f"ranking.epochs={epochs}", "retrieval.eval_every=1"]
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).parent / "recommender"), "run", "--preset", "demo", "--output", folder]
        command += [part for setting in settings for part in ("--set", setting)]
        command += [] if epochs is None else ["--final-fit", "none"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        summary: dict[str, Any] = json.loads((Path(folder) / "summary.json").read_text())
    return summary


def report(summaries: dict[int, dict[str, Any]]) -> str:
    """One column a size, one line a stage."""
    sizes = list(summaries)
    stages = [stage["id"] for stage in summaries[sizes[0]]["stages"]]
    seconds = {
        size: {stage["id"]: stage["seconds"] for stage in summary["stages"]} for size, summary in summaries.items()
    }
    lines = [[stage, *(f"{seconds[size].get(stage, 0):,.1f}" for size in sizes)] for stage in stages]
    lines.append(["**whole run, imports included**", *(f"{summaries[size]['seconds']:,.0f}" for size in sizes)])
    lines.append(["peak memory, GB", *(f"{summaries[size]['peak_memory_bytes'] / 1e9:.1f}" for size in sizes)])
    for name, label in (("recall_at_100", "recall@100"), ("rmse", "RMSE")):
        values = [summaries[size]["evaluation"]["metrics"][name] for size in sizes]
        lines.append([f"{label}, model / baseline", *(f"{v['model']:.3f} / {v['baseline']:.3f}" for v in values)])
    return table(["seconds of stage", *(f"{size:,} ratings" for size in sizes)], lines)


if __name__ == "__main__":
    main()
