"""Settings: frozen dataclasses that pydantic checks, to and from plain mappings (TOML, `--set`, execution properties).

A stage declares a class with `@settings("section")` and types its fields by what this module names: `Count`, `Share`,
`OrNone[Weight]`, `Annotated[str, one_of(...)]`. A value that cannot work is an InputError that names the key, whether
it comes from a file or from code.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import pydantic.dataclasses
import typing_extensions
from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, WrapValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from components.errors import InputError

T = TypeVar("T")

SEEDS = 2**30
"""Seeds are below this: every random generator takes twice that."""

_MOST_INT = 2**53
_MOST_FLOAT = 1e30  # a float32 has them
_IMPOSSIBLE = "impossible"
_CONFIG = ConfigDict(extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=True)
_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text", "tuple": "a list"}


@typing_extensions.dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(section: str = "") -> Callable[[type[T]], type[T]]:
    """Makes a class a frozen dataclass whose fields are checked; `section` is where its keys stand in a preset."""

    def decorate(cls: type[T]) -> type[T]:
        made: Any = pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=_CONFIG)(cls)
        initialize = made.__init__

        @functools.wraps(initialize)
        def checked(self: Any, **values: Any) -> None:
            try:
                initialize(self, **values)
            except ValidationError as error:
                raise _explained(error, made, section) from None

        made.__init__ = checked
        return typing.cast("type[T]", made)

    return decorate


def number(holds: Callable[[Any], bool], expected: str) -> WrapValidator:
    """Restricts a number: it is finite, no boolean, and `holds` is true of it, which `expected` says in words."""

    def check(value: Any, convert: Callable[[Any], Any]) -> Any:
        if isinstance(value, bool):
            raise _impossible("a number, and not true or false")
        if isinstance(value, str) and not value.isascii():
            raise _impossible("a number in plain digits 0-9: these characters only look like a number")
        found = convert(value)
        if isinstance(found, int) and abs(found) > _MOST_INT:
            raise _impossible(f"a whole number of at most {_MOST_INT:,} in size")
        if not abs(found) <= _MOST_FLOAT:  # true of NaN as well
            raise _impossible(f"a finite number, of at most {_MOST_FLOAT:g} in size")
        if not holds(found):
            raise _impossible(expected)
        return found

    return WrapValidator(check)


def between(least: float, most: float) -> WrapValidator:
    """Restricts a number to `least` up to `most`, both included."""
    return number(lambda value: least <= value <= most, f"from {least:,} to {most:,}")


def at_least(least: float) -> WrapValidator:
    """Restricts a number to `least` or more."""
    return number(lambda value: value >= least, f"{least:,} or more")


def one_of(*choices: str) -> AfterValidator:
    """Restricts a text to one of a few words."""
    return that(lambda value: value in choices, "one of " + ", ".join(filter(None, choices)))


def that(holds: Callable[[Any], bool], expected: str) -> AfterValidator:
    """Restricts a value of any type: `holds` is true of it, which `expected` says in words."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise _impossible(expected)
        return value

    return AfterValidator(check)


Number = Annotated[float, number(lambda value: True, "")]
Count = Annotated[int, at_least(1)]
Natural = Annotated[int, at_least(0)]
Seed = Annotated[int, number(lambda value: 0 <= value < SEEDS, f"from 0 to below {SEEDS:,}")]
Weight = Annotated[float, at_least(0)]
Positive = Annotated[float, number(lambda value: value > 0, "above 0")]
Share = Annotated[float, number(lambda value: 0 <= value < 1, "from 0 to below 1")]
Fraction = Annotated[float, between(0, 1)]
Rate = Annotated[float, number(lambda value: 0 < value <= 1, "above 0 and at most 1")]
OrNone = Annotated[T | None, BeforeValidator(lambda value: None if value == "none" else value)]
"""A value, or `none`."""
Listed = Annotated[
    tuple[T, ...],
    BeforeValidator(
        lambda value: (
            [part.strip() for part in value.strip("[]()").split(",") if part.strip()]
            if isinstance(value, str)
            else value
        )
    ),
]
"""A list, or a text with commas between its values."""


def from_mapping(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Builds the settings `cls` from `values`.

    Args:
      cls: A class by `settings`.
      values: Names and values as TOML or JSON gives them (strings are parsed for numbers and booleans).
      where: Dotted path of `cls` in the configuration, for messages.

    Raises:
      InputError: An unknown key (with the valid ones), a value of another type, or one that cannot work.
    """
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as error:
        raise _explained(error, cls, where) from None


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


def require(condition: bool, key: str, expected: str, received: object) -> None:
    """Raises an InputError about the configuration key unless the condition holds: of what several settings decide."""
    if not condition:
        raise InputError(
            f"configuration key `{key}` has a value that cannot work", expected=expected, received=repr(received)
        )


def _impossible(expected: str) -> PydanticCustomError:
    return PydanticCustomError(_IMPOSSIBLE, "{expected}", {"expected": expected})


def _explained(error: ValidationError, cls: Any, section: str) -> InputError:
    """The first thing that pydantic has found, in the project's words."""
    found = error.errors()[0]
    inner = found.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        return inner
    path = section
    for part in found["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    path = path.lstrip(".")
    if found["type"] == "unexpected_keyword_argument":
        return _unknown_key(path, str(found["loc"][-1]), _names_at(cls, found["loc"][:-1]))
    if found["type"] == _IMPOSSIBLE:
        return InputError(
            f"configuration key `{path}` has a value that cannot work",
            expected=found["msg"],
            received=repr(found["input"]),
        )
    if found["type"] in ("missing", "missing_keyword_only_argument"):
        return InputError(f"configuration key `{path}` is missing", expected="a value", received="nothing")
    return InputError(
        f"configuration key `{path}` has a value of the wrong type",
        expected=_wanted(found),
        received=repr(found["input"]),
        action="correct it in the preset, or with --set {}=…".format(path.partition("[")[0]),
    )


def _wanted(found: ErrorDetails) -> str:
    """What a value of the wrong type should have been."""
    kind = found["type"].partition("_")[0]
    if kind == "dataclass":
        return "a table of settings"
    return _TYPES.get(kind, "a table" if kind == "dict" else found["msg"])


def _unknown_key(path: str, key: str, names: list[str]) -> InputError:
    near = difflib.get_close_matches(key, names, n=1)
    return InputError(
        f"unknown configuration key `{path}`",
        expected="one of " + ", ".join(names),
        received=key,
        action=f"did you mean `{near[0]}`?" if near else "see docs/configuration.md for every key",
    )


def _names_at(cls: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys of the settings at a place inside of settings."""
    for step in location:
        if dataclasses.is_dataclass(cls):
            cls = typing.get_type_hints(cls)[str(step)]
        else:
            cls = typing.get_args(cls)[-1 if typing.get_origin(cls) is dict else 0]
    return [field.name for field in dataclasses.fields(cls)]
