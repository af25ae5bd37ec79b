"""Reads event files back as TensorBoard does."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.util import tensor_util


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """By tag: step and value."""
    events = EventAccumulator(str(folder), size_guidance={TENSORS: 0})
    events.Reload()
    return {
        tag: [(event.step, float(tensor_util.make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }
