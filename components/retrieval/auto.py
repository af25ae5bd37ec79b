"""Settings that follow from the data, where the configuration leaves them open.

What is right for MovieLens, with 200 rows a user, is wrong for a shop with 9: on Amazon Beauty `min_ratings = 1` and a
weaker L2 raised recall@10 of the validation rows from .066 to .094, and 1,024 singular values of the transitions in
place of 128 to .121 (docs/results.md). Few rows tell little of what is alike and much of what follows what.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from components import progress
from components.examples import RaggedRows
from components.retrieval.config import RetrievalConfig

SPARSE = 30.0
"""Mean rows of a user below which data are sparse: few rows tell of any item, so every item has its own vector."""

TRANSITIONS, TRANSITION_NUMBERS = (1_024, 512, 256, 128, 64, 32), 100_000_000
"""Widths of the vectors of transitions, where data are not sparse from DENSE_TRANSITIONS on: the first is taken that
needs no more than so many numbers (400 MB) in the bundle, which has two vectors of each item and one of each user; else
the last."""
DENSE_TRANSITIONS = 128

LARGE = 300_000
"""Items from which on vectors are narrow: of a million, weights, averages and the best epoch's are 6 GB at 128."""

MANY_USERS = 5_000
"""Users from which on larger batches reach the same quality in less time."""


def resolve(config: RetrievalConfig, sequences: RaggedRows, items: int) -> RetrievalConfig:
    """The configuration with every open setting (0, or `none`) chosen by the data; says what was chosen.

    Args:
      config: Settings, some of them open.
      sequences: The rows that the model learns from.
      items: Items of the catalogue.
    """
    users = max(1, len(sequences))
    mean = len(sequences.rows) / users
    sparse = mean < SPARSE
    choices: dict[str, Any] = {
        "min_ratings": 1 if sparse else 5,
        "embedding_dim": 64 if sparse or items >= LARGE else 128,
        "batch_size": 1_024 if users >= MANY_USERS else 256,
        "patience": 8 if users * config.cuts_per_user > config.epoch_rows else 15,
    }
    chosen = {name: value for name, value in choices.items() if not getattr(config, name)}
    if config.transitions_dim is None:
        widths = [dim for dim in TRANSITIONS if sparse or dim <= DENSE_TRANSITIONS]
        fitting = (dim for dim in widths if (users + 2 * items) * dim <= TRANSITION_NUMBERS)
        chosen["transitions_dim"] = next(fitting, TRANSITIONS[-1])
    if chosen:
        listed = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        progress.report("%.1f rows a user on average (%s): %s", mean, "sparse" if sparse else "dense", listed)
    return dataclasses.replace(config, **chosen)
