"""How much of each split the statistics look at."""

from __future__ import annotations

from collections.abc import Mapping

from components import progress


def sample_rates(rows: Mapping[str, int], sample_above: int) -> dict[str, float]:
    """Share of the rows of each split that is larger than `sample_above`, so that about as many are looked at.

    Args:
      rows: Rows of each split, where they are known.
      sample_above: Number of rows of a split above which it is sampled.

    Returns:
      A rate between 0 and 1 for each sampled split; the others are looked at as a whole.
    """
    return {split: sample_above / count for split, count in rows.items() if count > sample_above}


def report_sampling(rows: Mapping[str, int], rates: Mapping[str, float]) -> None:
    """Says of which rows the statistics are."""
    for split, count in rows.items():
        if split in rates:
            progress.report(
                "statistics of a sample of %.2g %% of the %s rows of %s", 100 * rates[split], f"{count:,}", split
            )
