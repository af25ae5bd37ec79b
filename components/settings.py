"""Frozen, checked dataclasses to and from plain mappings (TOML files, `--set`, execution properties)."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from components.errors import InputError

T = TypeVar("T")

SEEDS = 2**30
"""Seeds are below this: every random generator takes twice that."""

_MOST_INT = 2**53
_MOST_FLOAT = 1e30  # a float32 has them


def from_mapping(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Builds the dataclass `cls` from `values`, checking every key and type.

    Args:
      cls: A dataclass; fields may be dataclasses, bool, int, float, str, or tuples or dicts (by name) of those.
      values: Names and values as TOML or JSON gives them (strings are parsed for numbers and booleans).
      where: Dotted path of `cls` in the configuration, for messages.

    Raises:
      InputError: An unknown key (with the valid ones), a value of another type, or a value that the
        dataclass refuses in `__post_init__`.
    """
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{where}.{key}" if where else key
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            raise InputError(
                f"unknown configuration key `{path}`",
                expected="one of " + ", ".join(names),
                received=key,
                action=f"did you mean `{near[0]}`?" if near else "see docs/configuration.md for every key",
            )
        arguments[key] = _convert(hints[key], value, path)
    try:
        return cls(**arguments)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"invalid configuration in `{where or cls.__name__}`: {error}") from error


def to_mapping(config: Any) -> dict[str, Any]:
    """The dataclass as nested dicts and lists."""
    return typing.cast("dict[str, Any]", json.loads(json.dumps(dataclasses.asdict(config))))


def to_json(config: Any) -> str:
    """The dataclass as one line of JSON with sorted keys: the same text for the same settings."""
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


def from_json(cls: type[T], text: str) -> T:
    """The inverse of `to_json`."""
    return from_mapping(cls, json.loads(text))


def overridden(text: str, values: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    """Settings as JSON, with those values laid over them that are there under one of the names.

    So a stage whose settings are one text takes single values of them as runtime parameters.

    Args:
      text: What `to_json` wrote.
      values: By name, for instance execution properties.
      keys: By name, the key of the settings that the value overrides.
    """
    changes = {key: values[name] for name, key in keys.items() if values.get(name) is not None}
    return json.dumps({**json.loads(text), **changes}, sort_keys=True) if changes else text


def _convert(expected: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(expected)
    if dataclasses.is_dataclass(expected):
        if not isinstance(value, Mapping):
            raise _wrong_type(path, "a table of settings", value)
        return from_mapping(typing.cast("type[Any]", expected), value, path)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _wrong_type(path, "a table", value)
        element = typing.get_args(expected)[1]
        return {str(key): _convert(element, item, f"{path}.{key}") for key, item in value.items()}
    if origin is tuple:
        return _convert_tuple(expected, value, path)
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in typing.get_args(expected) if argument is not type(None)]
        return None if value is None or value == "none" else _convert(inner[0], value, path)
    if expected is bool:
        return _convert_bool(value, path)
    if expected in (int, float):
        return _convert_number(expected, value, path)
    if expected is str and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise _wrong_type(path, getattr(expected, "__name__", str(expected)), value)


def _convert_tuple(expected: Any, value: Any, path: str) -> tuple[Any, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.strip("[]()").split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise _wrong_type(path, "a list", value)
    element = typing.get_args(expected)[0]
    return tuple(_convert(element, item, f"{path}[{position}]") for position, item in enumerate(value))


def _convert_bool(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _wrong_type(path, "true or false", value)


def _convert_number(expected: Any, value: Any, path: str) -> Any:
    name = "a whole number" if expected is int else "a number"
    received: object = value
    if isinstance(value, bool):
        raise _wrong_type(path, name, value)
    if isinstance(value, str):
        if not value.isascii():
            raise InputError(
                f"configuration key `{path}` holds characters that only look like a number",
                expected=f"{name} in plain digits 0-9",
                received=repr(value),
                action="type the value again with a plain keyboard layout",
            )
        try:
            value = int(value.replace("_", "")) if expected is int else float(value)
        except ValueError:
            raise _wrong_type(path, name, value) from None
    if expected is float and isinstance(value, int):
        value = float(value) if abs(value) <= _MOST_FLOAT else math.inf
    if not isinstance(value, expected):
        raise _wrong_type(path, name, value)
    most, expectation = _MOST_FLOAT, f"a finite number, of at most {_MOST_FLOAT:g} in size"
    if expected is int:
        most, expectation = _MOST_INT, f"a whole number of at most {_MOST_INT:,} in size"
    require(-most <= value <= most, path, expectation, received)  # false for NaN as well
    return value


def _wrong_type(path: str, expected: str, value: Any) -> InputError:
    return InputError(
        f"configuration key `{path}` has a value of the wrong type",
        expected=expected,
        received=repr(value),
        action=f"correct `{path}` in the preset, or with --set {path}=…",
    )


def require_seed(seed: int, key: str) -> None:
    """Raises an InputError about the configuration key unless the seed is one for every random generator."""
    require(0 <= seed < SEEDS, key, f"from 0 to below {SEEDS:,}", seed)


def require(condition: bool, key: str, expected: str, received: object) -> None:
    """Raises an InputError about the configuration key unless the condition holds."""
    if not condition:
        raise InputError(
            f"configuration key `{key}` has a value that cannot work", expected=expected, received=repr(received)
        )
