"""Runs the protocols and writes their tables.

    python -m benchmarks quality --manual-dir FOLDER              all protocols; FOLDER holds ml-latest-small.zip
    python -m benchmarks quality --manual-dir FOLDER --protocols P2
    python -m benchmarks quality --report                         the tables of what is measured already
    … --write                                                     puts them into docs/results.md

Every figure comes from a `recommender run … --final-fit train_eval` on the three files of a protocol, and from what
its bundle answers to `recommender recommend` or `recommender predict`. Results are kept in --output, one file a
model, so a protocol can be measured again by itself. All protocols take half an hour on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.archive_option import add_archive_option
from benchmarks.quality.measure import measure
from benchmarks.quality.protocols import PROTOCOLS
from benchmarks.quality.report import report
from benchmarks.quality.splits import write_splits
from benchmarks.results_table import publish


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [protocol.name for protocol in PROTOCOLS]
    parser.add_argument("--protocols", nargs="+", choices=names, default=names, help="which ones")
    add_archive_option(parser)
    parser.add_argument("--output", type=Path, default=Path("runs/quality"), help="folder of the runs and results")
    parser.add_argument("--report", action="store_true", help="measure nothing, report what was measured before")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/results.md")
    arguments = parser.parse_args()
    chosen = [protocol for protocol in PROTOCOLS if protocol.name in arguments.protocols]
    if not arguments.report:
        write_splits(arguments.manual_dir, arguments.output / "splits", tuple(protocol.name for protocol in chosen))
        for protocol in chosen:
            measure(protocol, arguments.output)
    text = report(PROTOCOLS, arguments.output)
    print(text)
    if arguments.write:
        publish("quality", text)
