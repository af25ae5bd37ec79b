"""What lies at a path, in words, for messages."""

from __future__ import annotations

from pathlib import Path


def describe(path: Path) -> str:
    """`no such folder`, `a file`, or what the folder holds."""
    if not path.exists():
        return "no such folder"
    if not path.is_dir():
        return "a file"
    names = sorted(child.name for child in path.iterdir())
    return "a folder that holds " + (", ".join(names[:5]) if names else "nothing")
