"""A setting that is searched: its range, its way into a trial and its way into a configuration."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

from components.errors import InputError

DIGITS = 3
"""Significant digits of a drawn number: more would say nothing, and a preset is read by people."""

Value = int | float | str
"""A value as Optuna stores it and TOML writes it; a list is a text with commas, as `--set` takes it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchedSetting(abc.ABC):
    """A setting with the values that are tried.

    Attributes:
      name: `section.key` of the configuration.
      only: It is read where one of these holds: names of losses, settings that the architecture reads, `ordered` for
        data whose order means something, `implicit` for ranking.implicit; empty: always.
    """

    name: str
    only: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        return self.name.partition(".")[2]

    @abc.abstractmethod
    def own(self, configured: Any) -> Value:
        """A configured value as it is stored."""

    @abc.abstractmethod
    def holding(self, own: Value) -> SearchedSetting:
        """The same, widened where the value lies outside."""

    @abc.abstractmethod
    def draw(self, trial: Any) -> Value:
        """What an Optuna trial suggests."""

    @abc.abstractmethod
    def searched(self) -> str:
        """The tried values, for people."""

    def rounded(self, value: Value) -> Value:
        """A drawn value as it is trained with and written."""
        return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Number(SearchedSetting):
    """A number from `low` to `high`, both included.

    Attributes:
      log: Whether the logarithm is drawn evenly.
      whole: Whether it is a whole number.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def own(self, configured: Any) -> Value:
        return int(configured) if self.whole else float(configured)

    def holding(self, own: Value) -> Number:
        """Raises an InputError for 0 or less on a logarithmic scale."""
        value = float(own)
        if self.log and value <= 0:
            raise InputError(
                f"{self.name} = {own} of the preset is not on the scale that is searched, which is logarithmic",
                expected="a value above 0",
                received=str(own),
                action=f"start from another value with --set {self.name}=…, or name other settings with --parameters",
            )
        return dataclasses.replace(self, low=min(self.low, value), high=max(self.high, value))

    def draw(self, trial: Any) -> Value:
        if self.whole:
            return int(trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log))
        return float(trial.suggest_float(self.name, self.low, self.high, log=self.log))

    def rounded(self, value: Value) -> Value:
        return int(value) if self.whole else min(max(float(f"{float(value):.{DIGITS}g}"), self.low), self.high)

    def searched(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (", log" if self.log else "")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice(SearchedSetting):
    """One of some values.

    Attributes:
      values: Each as `--set` would take it.
    """

    values: tuple[str, ...]

    def own(self, configured: Any) -> Value:
        if isinstance(configured, (list, tuple)):
            return ",".join(f"{item:g}" for item in configured)
        return str(configured)

    def holding(self, own: Value) -> Choice:
        return self if own in self.values else dataclasses.replace(self, values=(*self.values, str(own)))

    def draw(self, trial: Any) -> Value:
        return str(trial.suggest_categorical(self.name, self.values))

    def searched(self) -> str:
        return " | ".join(self.values)
