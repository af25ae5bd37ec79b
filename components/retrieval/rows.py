"""Names of the parts of a batch of training rows."""

from __future__ import annotations

HISTORY = "history"  # int32 [B, H], catalogue rows, newest last, -1 = padding
TARGETS = "targets"  # int32 [B, T], catalogue rows of what came next, oldest first, -1 = padding
WEIGHTS = "weights"  # float32 [B, T], how much each target counts (squared error: [B, H], each movie); mean 1
