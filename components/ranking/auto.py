"""Settings of the rating model that follow from the data, where the configuration leaves them open."""

from __future__ import annotations

import dataclasses
import math

from components import progress
from components.ranking.config import RankingConfig

PATIENCE, LEAST_PATIENCE = 25, 4
"""The patience where an epoch is all rows, and the least where it is a part of them."""


def resolve(config: RankingConfig, rows: int) -> RankingConfig:
    """The configuration with its patience, where that is open (0), chosen by the data.

    Epochs of few rows are short, and a good one may come late. Where an epoch is a part of the rows, a training that
    has seen all of them since its best epoch has nothing new to see.

    Args:
      config: Settings, the patience perhaps open.
      rows: Training rows.
    """
    if config.patience:
        return config
    parts = math.ceil(rows / config.epoch_rows)
    patience = PATIENCE if parts <= 1 else max(LEAST_PATIENCE, parts)
    progress.report("%s training rows: patience = %d", f"{rows:,}", patience)
    return dataclasses.replace(config, patience=patience)
