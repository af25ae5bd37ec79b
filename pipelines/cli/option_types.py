"""Option values that several commands read alike."""

from __future__ import annotations

import datetime
import glob
from pathlib import Path

import click

from components.ingestion.reading.spans import is_pattern


class WholeNumber(click.ParamType[int]):
    """A whole number in plain digits, from `least` to `most`."""

    name = "number"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least = least
        self._most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip()
        wanted = f"from {self._least} to {self._most}" if self._most is not None else f"{self._least} or more"
        if not (text.isascii() and text.removeprefix("-").isdigit()):
            self.fail(f"{text!r} is not a whole number in plain digits ({wanted})", param, ctx)
        number = int(text)
        if number < self._least or (self._most is not None and number > self._most):
            self.fail(f"{number} is out of range: expected a whole number {wanted}", param, ctx)
        return number


class Day(click.ParamType[datetime.date]):
    """A day."""

    name = "YYYY-MM-DD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        try:
            return datetime.date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-11-28", param, ctx)


class ExistingPath(click.ParamType[str]):
    """A file or folder that exists, made absolute, so that a run means the same from every folder."""

    name = "path"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        path = Path(str(value)).expanduser().absolute()
        if not path.exists():
            self.fail(f"there is no file or folder {path}", param, ctx)
        return str(path)


class DataPath(click.ParamType[str]):
    """Data: a file or folder, a pattern, or several with commas between; made absolute like `ExistingPath`.

    Addresses such as gs://… stay what they are.
    """

    name = "path"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        whole = Path(text).expanduser().absolute()
        if whole.exists():
            return str(whole)
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return ",".join(self._absolute(part, param, ctx) for part in parts)

    def _absolute(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if "://" in text:
            return text
        path = str(Path(text).expanduser().absolute())
        if is_pattern(path):
            return path  # which of its spans are there, the run says
        found = Path(path).exists() or glob.glob(path, recursive=True)  # noqa: PTH207 - the pattern may be absolute
        if not found:
            self.fail(f"there is no file or folder {path}, and no file matches it as a pattern", param, ctx)
        return path


def comma_separated(values: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of an option that may be repeated and may hold several parts with commas between."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
