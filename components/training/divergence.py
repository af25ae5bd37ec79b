"""A training whose loss is no number has ended: its weights are none either."""

from __future__ import annotations

import math

from components.errors import InputError


def require_finite_loss(loss: float, epoch: int, section: str) -> None:
    """Stops a training that has diverged, before its weights are kept.

    Args:
      loss: Mean training loss of the epoch.
      epoch: Number of the epoch, from 1.
      section: Section of the settings, `retrieval` or `ranking`.

    Raises:
      InputError: The loss is NaN or infinite.
    """
    if not math.isfinite(loss):
        raise InputError(
            f"the training of {section} has diverged",
            expected="a loss that is a number in every epoch",
            received=f"{loss} in epoch {epoch}",
            action=f"take smaller steps ({section}.learning_rate) or settings of L2 nearer to the defaults",
        )
