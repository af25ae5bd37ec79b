"""Speed of training the list model on R1, beside other systems.

    python -m benchmarks training --manual-dir FOLDER           FOLDER holds ml-latest-small.zip
    python -m benchmarks training --manual-dir FOLDER --write   puts the tables into docs/results.md
    python -m benchmarks training --manual-dir FOLDER --als     looks for ALS's settings instead
    python -m benchmarks training --growth                      generated ratings, 100,000 to 5 million
    python -m benchmarks training --catalogue                   a step as the catalogue grows, to a million items
    python -m benchmarks training --losses                      both softmax losses in the same seconds

Every system learns from the same training rows and is asked for the whole validation part; seconds are those of
training alone, evaluations left out. Five minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from benchmarks.archive_option import add_archive_option
from benchmarks.results_table import publish, table

BATCH_SIZES = (64, 128, 256, 512, 1024)


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_archive_option(parser)
    parser.add_argument("--output", type=Path, default=Path("runs/training"), help="folder of the run")
    parser.add_argument("--growth", action="store_true", help="generated ratings of growing number instead")
    parser.add_argument("--catalogue", action="store_true", help="a catalogue of growing size instead")
    parser.add_argument("--losses", action="store_true", help="both softmax losses in the same seconds instead")
    parser.add_argument("--als", action="store_true", help="try settings of ALS, measure nothing else")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/results.md")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.growth:
        from benchmarks.training import growth

        _put("training-growth", table(growth.HEADER, growth.lines()), arguments.write)
        return

    if arguments.catalogue:
        from benchmarks.training import catalogue

        _put("training-catalogue", table(catalogue.HEADER, catalogue.lines()), arguments.write)
        return

    if arguments.losses:
        from benchmarks.training import losses

        _put("training-losses", table(losses.HEADER, losses.lines()), arguments.write)
        return

    from benchmarks.training.data import read_rows

    rows = read_rows(arguments.manual_dir, arguments.output)
    if arguments.als:
        _search_als(rows)
        return
    _put("training", _report(rows), arguments.write)


def _put(name: str, text: str, write: bool) -> None:
    print(text)
    if write:
        publish(name, text)


def _search_als(rows: Any) -> None:
    from benchmarks.training.systems import ALS_GRID, als

    for settings in ALS_GRID:
        print(f"{als(rows, settings).best:.4f}  {settings}", flush=True)


def _report(rows: Any) -> str:
    from benchmarks.training.systems import ease

    mark = ease(rows)
    return "\n\n".join([_systems(rows, *mark), _batch_sizes(rows, mark[0]), _parts(rows)])


def _systems(rows: Any, mark: float, seconds: float, l2: float) -> str:
    from benchmarks.training.systems import ALS, als, ours, ours_with, tutorial

    lines = [["EASE, solved at once", "–", f"{mark:.4f}", f"{seconds:.1f}", "–", f"{seconds:.1f}", f"{mark:.4f}"]]
    for label, unit, curve in (
        ("this project, one seed", "cuts of a history", ours(rows, ours_with())),
        ("implicit's ALS", "interactions", als(rows, ALS)),
        ("two towers of the TFRS tutorial", "interactions", tutorial(rows)),
    ):
        reached = curve.seconds_to(mark)
        lines.append(
            [
                label,
                f"{curve.rows_per_second:,.0f} {unit}",
                f"{curve.points[0].ndcg:.4f}",
                "never" if reached is None else f"{reached:.1f}",
                str(len(curve.points)),
                f"{curve.points[-1].seconds:.1f}",
                f"{curve.best:.4f}",
            ]
        )
    header = [
        "system",
        "rows a second",
        "NDCG@100 after one epoch",
        "seconds to EASE",
        "epochs",
        "seconds in all",
        "best",
    ]
    legend = (
        f"R1, {len(rows.asked)} users of the validation part, {rows.matrix().nnz:,} training rows, {rows.items:,} "
        f"items. EASE with L2 {l2:g}, the best of four on the same rows, reaches {mark:.4f}, which is the mark. ALS: "
        + ", ".join(f"{name} {value:g}" for name, value in ALS.items())
        + ", the best of 24 on the same rows. Seconds of training alone; the first epoch traces and compiles."
    )
    return f"{legend}\n\n{table(header, lines)}"


def _batch_sizes(rows: Any, mark: float) -> str:
    from benchmarks.training.systems import ours, ours_with

    lines = []
    for size in BATCH_SIZES:
        curve = ours(rows, ours_with(batch_size=size))
        reached = curve.seconds_to(mark)
        lines.append(
            [
                str(size) + (" (default)" if size == ours_with().batch_size else ""),
                f"{curve.rows_per_second:,.0f}",
                "never" if reached is None else f"{reached:.1f}",
                str(len(curve.points)),
                f"{curve.points[-1].seconds:.1f}",
                f"{curve.best:.4f}",
            ]
        )
    return table(["batch size", "rows a second", "seconds to EASE", "epochs", "seconds in all", "best NDCG@100"], lines)


def _parts(rows: Any) -> str:
    from benchmarks.training.steps import parts
    from benchmarks.training.systems import ours_with

    lines = [[name, f"{seconds * 1e3:.1f}"] for name, seconds in parts(rows, ours_with())]
    return table(["part of an epoch, alone", "milliseconds"], lines)
