"""How much of each split the statistics look at, and which rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from components import progress

MIN_SAMPLE = 100
"""Rows that a sample has at least, on average: it must never be empty by chance."""

_HASHES = 2**64


def sample_rates(rows: Mapping[str, int], sample_above: int) -> dict[str, float]:
    """Share of the rows of each large split, so that about `sample_above` of them are looked at.

    Args:
      rows: Rows of each split, where they are known.
      sample_above: Number of rows of a split above which it is sampled, at least MIN_SAMPLE.

    Returns:
      A rate between 0 and 1 for each sampled split; the others are looked at as a whole.
    """
    size = max(sample_above, MIN_SAMPLE)
    return {split: size / count for split, count in rows.items() if count > size}


def in_sample(record: bytes, rate: float) -> bool:
    """Whether the row belongs to the sample: the same rows in every run and on every worker."""
    return int.from_bytes(hashlib.blake2b(record, digest_size=8).digest(), "big") < rate * _HASHES


def report_sampling(rows: Mapping[str, int], rates: Mapping[str, float]) -> None:
    """Says of which splits the statistics are those of a sample."""
    for split, rate in rates.items():
        progress.report("statistics of a sample of %.2g %% of the %s rows of %s", 100 * rate, f"{rows[split]:,}", split)
