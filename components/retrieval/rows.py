"""Names of the parts of a batch of training rows."""

from __future__ import annotations

USERS = "users"  # int32 [B], row of each user among the features of all users; where those have any
CONTEXT = "context"  # int32 [B, K], codes of the moment of the first target; likewise
HISTORY = "history"  # int32 [B, H], catalogue rows, newest last, -1 = padding
TARGETS = "targets"  # int32 [B, T], catalogue rows of what came next, oldest first, -1 = padding
WEIGHTS = "weights"  # float32 [B, T], how much each target counts (squared error: [B, H], each item); mean 1
