"""The option by which benchmarks on MovieLens latest-small find its archive."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_archive_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--manual-dir`."""
    parser.add_argument(
        "--manual-dir",
        type=Path,
        default=Path(os.environ.get("MOVIELENS_DIR", ".")),
        help="folder that holds ml-latest-small.zip; default: MOVIELENS_DIR",
    )
