"""A text file that is written in one step: a reader finds the old one or the new one, whole."""

from __future__ import annotations

import uuid
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Writes the text beside the file and moves it there; the folder exists."""
    incoming = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    incoming.write_text(text, encoding="utf-8")
    incoming.replace(path)
