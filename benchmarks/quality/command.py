"""Runs the protocols and writes their tables.

    python -m benchmarks quality --manual-dir FOLDER              all protocols; FOLDER holds ml-latest-small.zip
    python -m benchmarks quality --manual-dir FOLDER --protocols P2
    python -m benchmarks quality --sequences Beauty.txt --protocols Beauty    the file as S3-Rec distributes it
    python -m benchmarks quality --report                         the tables of what is measured already
    … --write                                                     puts them into docs/results.md

Every figure comes from a `recommender run … --final-fit train_eval` on the three files of a protocol, and from what
its bundle answers to `recommender score` or `recommender predict`. Results are kept in --output, one file a
model, so a protocol can be measured again by itself. All protocols but Beauty, which needs a file of its own, take half
an hour on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.archive_option import add_archive_option
from benchmarks.quality.measure import measure
from benchmarks.quality.protocols import PROTOCOLS, SEQUENCES
from benchmarks.quality.report import report
from benchmarks.quality.sequences import write_next_item
from benchmarks.quality.splits import write_splits
from benchmarks.results_table import publish


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [protocol.name for protocol in PROTOCOLS]
    parser.add_argument("--protocols", nargs="+", choices=names, help="which ones; default: those with data")
    add_archive_option(parser)
    parser.add_argument("--sequences", type=Path, help=f"of {SEQUENCES}: a user and its items a line, oldest first")
    parser.add_argument("--output", type=Path, default=Path("runs/quality"), help="folder of the runs and results")
    parser.add_argument("--report", action="store_true", help="measure nothing, report what was measured before")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/results.md")
    arguments = parser.parse_args()
    wanted = arguments.protocols or [name for name in names if name != SEQUENCES or arguments.sequences]
    if SEQUENCES in wanted and not arguments.sequences and not arguments.report:
        parser.error(f"{SEQUENCES} needs --sequences FILE: its data may not be passed on, so they are not here")
    if not arguments.report:
        splits = arguments.output / "splits"
        archived = tuple(name for name in wanted if name != SEQUENCES)
        if archived:
            write_splits(arguments.manual_dir, splits, archived)
        if SEQUENCES in wanted:
            write_next_item(arguments.sequences, splits / SEQUENCES)
        for protocol in PROTOCOLS:
            if protocol.name in wanted:
                measure(protocol, arguments.output)
    text = report(PROTOCOLS, arguments.output)
    print(text)
    if arguments.write:
        publish("quality", text)
