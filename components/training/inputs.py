"""Names under which a `run_fn` finds its settings and further inputs in `custom_config`."""

from __future__ import annotations

ITEMS = "items"
USERS = "users"
FEATURES = "features"  # FeatureSpecs as JSON
SEQUENCES = "sequences"
REFIT = "refit"  # whether the judged model learns from train and eval, once eval has chosen its epochs
FINAL_EPOCHS = "final_epochs"  # epochs of each seed, where a model learns from all rows and none is looked at
LIKED_FROM = "liked_from"
LEAVE_OUT_SEEN = "leave_out_seen"
START = "start"  # file of the weights that the training starts from, or None
WEIGHTS = "weights"  # which weights of a bundle these are (components/training/warm_start.py)
WARM_EPOCHS = "warm_epochs"  # most epochs of a training that starts from others' weights
CONFIG = "config"
STRATEGY = "strategy"
SPLIT = "split"  # how rows are parted, a SplitConfig as JSON

EPOCHS = "epochs"
LEARNING_RATE = "learning_rate"
OVERRIDES = {EPOCHS: "epochs", LEARNING_RATE: "learning_rate"}
"""Optional execution properties that override a key of CONFIG."""
