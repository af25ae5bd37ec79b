"""The protocol on a file of sequences: the next item of every user, as papers on sequential recommendation ask for it.

The file is in the text form of S3-Rec (github.com/RUCAIBox/CIKM2020-S3Rec, data/Beauty.txt): a line is a user and its
items, oldest first, with blanks in between. The last item is test, the one before valid, the others are train.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.quality.splits import PARTS, Split

SHORTEST = len(PARTS)


def read_sequences(path: Path) -> pd.DataFrame:
    """The rows of the file: user, item, timestamp (the place in the line, in seconds).

    Raises:
      SystemExit: There is no such file, or a line is no sequence that can be parted.
    """
    if not path.is_file():
        raise SystemExit(f"error: there is no {path}\n  what to do: name a file of sequences with --sequences")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        user, *items = line.split() or [""]
        if len(items) < SHORTEST:
            raise SystemExit(
                f"error: line {number} of {path} cannot be parted into train, valid and test\n"
                f"  expected: a user and {SHORTEST} items or more, with blanks in between\n"
                f"  received: {line[:80]!r}\n"
                "  what to do: give the file as S3-Rec distributes it (data/Beauty.txt)"
            )
        rows += [(user, item, place) for place, item in enumerate(items)]
    return pd.DataFrame(rows, columns=["user", "item", "timestamp"])


def next_item(rows: pd.DataFrame) -> Split:
    """Parts the rows of `read_sequences`."""
    left = rows.groupby("user", sort=False).cumcount(ascending=False).clip(upper=2)
    return {part: rows[left == number] for number, part in enumerate(reversed(PARTS))}


def write_next_item(path: Path, destination: Path) -> None:
    """Writes `{train,valid,test}.csv` of a file of sequences into a folder."""
    destination.mkdir(parents=True, exist_ok=True)
    for part, rows in next_item(read_sequences(path)).items():
        rows.to_csv(destination / f"{part}.csv", index=False)
