"""What a list leaves out of what a user has had before: all of it, none of it, or what is not long ago."""

from __future__ import annotations

import dataclasses
import math

from components.errors import InputError

AUTO, ALWAYS, NEVER, FOR_DAYS = "auto", "always", "never", "for_days"
DAY_SECONDS = 86_400

REPEATING = 0.1
"""Share of repeated rows from which on AUTO recommends again what a user has had."""


@dataclasses.dataclass(frozen=True)
class SeenRule:
    """The setting `bundle.leave_out_seen`, resolved.

    Attributes:
      kind: ALWAYS, NEVER or FOR_DAYS.
      days: Of FOR_DAYS.
    """

    kind: str
    days: float = 0.0

    @classmethod
    def parse(cls, text: str) -> SeenRule:
        """Reads `always`, `never`, `for_days:N` or `auto` (which `resolve` replaces).

        Raises:
          InputError: Another text.
        """
        kind, _, days = text.partition(":")
        try:
            rule = cls(kind, float(days) if kind == FOR_DAYS else 0.0)
        except ValueError:
            rule = cls("")
        if rule.kind not in (AUTO, ALWAYS, NEVER, FOR_DAYS) or (rule.kind == FOR_DAYS) != (0 < rule.days < math.inf):
            raise InputError(
                "configuration key `bundle.leave_out_seen` has a value that cannot work",
                expected="auto, always, never or for_days:N with a number of days",
                received=repr(text),
            )
        return rule

    def resolve(self, repeat_share: float, *, has_ratings: bool) -> SeenRule:
        """What AUTO means: data that repeat themselves want repetition; a rated item is not rated again."""
        if self.kind != AUTO:
            return self
        return SeenRule(NEVER if repeat_share >= REPEATING and not has_ratings else ALWAYS)

    def __str__(self) -> str:
        return f"{self.kind}:{self.days:g}" if self.kind == FOR_DAYS else self.kind
