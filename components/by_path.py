"""Parts of somebody's own, which a setting names as `package.module:NAME`: the project needs no line for them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, TypeVar

from components.errors import InputError

T = TypeVar("T")


def imported(path: str) -> Any:
    """What `package.module:NAME` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def find(setting: str, path: str, kind: type[T], known: Iterable[str] = ()) -> T:
    """The part that a setting names.

    Args:
      setting: The setting, for messages.
      path: Its value.
      kind: What it must be.
      known: Names that the setting takes as well.

    Raises:
      InputError: There is no such part, or it is another thing.
    """
    try:
        found = imported(path) if ":" in path else None
        received = path if found is None else f"{path}, which is a {type(found).__name__}"
    except (ImportError, AttributeError) as error:
        found, received = None, f"{path}: {error}"
    if isinstance(found, kind):
        return found
    named = "".join(f"{name}, " for name in known)
    raise InputError(
        f"{setting}: there is no {kind.__name__} `{path}`",
        expected=f"{named}{'or ' if named else ''}package.module:NAME of your own {kind.__name__}",
        received=received,
        action=f"correct {setting}; docs/extending.md shows how to write your own",
    )
