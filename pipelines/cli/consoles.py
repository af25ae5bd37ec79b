"""Consoles, on which tables and lines are printed."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console

LOG_WIDTH = 120
"""Columns of tables in a file or a pipe, which have no width of their own."""


def console_for(stream: TextIO) -> Console:
    """A console on the stream: colours and its own width on a terminal, plain text elsewhere."""
    return Console(file=stream, width=None if stream.isatty() else LOG_WIDTH)
