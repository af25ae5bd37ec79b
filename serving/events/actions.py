"""What can be asked about events, by the names that counts and logs have for it."""

from __future__ import annotations

ADD, LIST, ERASE = "add_events", "user_events", "erase_events"
ACTIONS = {"AddEvents": ADD, "UserEvents": LIST, "EraseEvents": ERASE}
"""What each method of gRPC does."""
