"""Names under which a `run_fn` finds its settings and further inputs in `custom_config`."""

from __future__ import annotations

MOVIES = "movies"
SEQUENCES = "sequences"
REFIT_SEQUENCES = "refit_sequences"
CONFIG = "config"
STRATEGY = "strategy"

EPOCHS = "epochs"
LEARNING_RATE = "learning_rate"
OVERRIDES = {EPOCHS: "epochs", LEARNING_RATE: "learning_rate"}
"""Optional execution properties that override a key of CONFIG."""
