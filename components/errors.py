"""The one error that a person can cause and cure: it is shown without a traceback."""

from __future__ import annotations


class InputError(ValueError):
    """Something that was handed in cannot be used.

    Args:
      what: What is wrong, with the place (file, row, key).
      expected: What would have been right.
      received: What was found instead.
      action: What to do about it.
    """

    def __init__(self, what: str, *, expected: str = "", received: str = "", action: str = "") -> None:
        self.what = what
        self.expected = expected
        self.received = received
        self.action = action
        lines = [what]
        lines += [f"  expected: {expected}"] if expected else []
        lines += [f"  received: {received}"] if received else []
        lines += [f"  what to do: {action}"] if action else []
        super().__init__("\n".join(lines))
