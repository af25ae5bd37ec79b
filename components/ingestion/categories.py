"""Categories of an item from whatever a column holds: one text with separators, a list, a list as text, a path."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Sequence
from typing import Any

NOTHING = ("", "(no genres listed)", "nan", "null", "none", "[]", "{}")
SEPARATORS = ("|", ";", ",")
"""What may part several categories; the first that occurs in the column is meant."""

LEVEL = ">"
"""What parts the levels of a path such as `Home > Kitchen > Pans`."""


def split_columns(values: Sequence[Any]) -> list[list[bytes]]:
    """The categories of every item.

    A text is parted at the first of SEPARATORS that any text of the column holds. A list, or a text that is one
    (JSON's or Python's), gives its elements; of a struct or mapping its names. A path gives each of its levels with
    the levels above: `A > B` is in `A` and in `A > B`.

    Args:
      values: The column: texts, numbers, bytes, lists, structs or None.
    """
    listed = [_elements(value) for value in values]
    separator = _separator(listed)
    return [[name.encode() for name in _unique(_names(one, separator))] for one in listed]


def _elements(value: Any) -> list[str] | str:
    """A list of texts, or one text that may hold several."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        parsed = _parsed(value)
        return value.strip() if parsed is None else _flat(parsed)
    return [] if value is None else _flat(value)


def _parsed(text: str) -> Any:
    """The list or mapping that a text writes out, else None."""
    stripped = text.strip()
    if not (stripped.startswith(("[", "{")) and stripped.endswith(("]", "}"))):
        return None
    try:
        return json.loads(stripped)
    except ValueError:
        try:
            return ast.literal_eval(stripped)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None


def _flat(value: Any) -> list[str]:
    if isinstance(value, dict):
        named = [value[key] for key in ("name", "title", "label", "value") if isinstance(value.get(key), str)]
        return named[:1] or [str(key) for key in value]
    if isinstance(value, (list, tuple, set)):
        return [text for element in value for text in _flat(element)]
    if value is None:
        return []
    if isinstance(value, bytes):
        return [value.decode("utf-8", "replace").strip()]
    return [str(value).strip()]


def _separator(values: Iterable[list[str] | str]) -> str:
    texts = [value for value in values if isinstance(value, str)]
    return next((one for one in SEPARATORS if any(one in text for text in texts)), "")


def _names(value: list[str] | str, separator: str) -> Iterable[str]:
    parts = value if isinstance(value, list) else value.split(separator) if separator else [value]
    for part in parts:
        levels = [level.strip() for level in part.split(LEVEL)]
        if part.strip().lower() in NOTHING or not all(levels):
            if part.strip().lower() not in NOTHING:
                yield part.strip()
            continue
        for depth in range(1, len(levels) + 1):
            yield f" {LEVEL} ".join(levels[:depth])


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
