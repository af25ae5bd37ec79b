"""Lists end to end in two arrays: histories, raters, features."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lists:
    """List `i` is `values[row_splits[i]:row_splits[i + 1]]`.

    Attributes:
      row_splits: int64, `[lists + 1]`.
      values: Indices, int32 or int64, or float32 numbers of vectors, `[total]`.
    """

    row_splits: npt.NDArray[np.int64]
    values: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, position: int) -> npt.NDArray[Any]:
        return self.values[self.row_splits[position] : self.row_splits[position + 1]]

    def select(self, positions: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
        """The lists at `positions`, end to end.

        Returns:
          Values `[selected]`, and for each the place in `positions` of the list it belongs to (int32 `[selected]`,
          ascending).
        """
        starts = self.row_splits[positions]
        lengths = self.row_splits[positions + 1] - starts
        owners = np.repeat(np.arange(len(positions), dtype=np.int32), lengths)
        selected_starts = np.cumsum(lengths) - lengths
        sources = np.arange(len(owners)) + np.repeat(starts - selected_starts, lengths)
        return self.values[sources], owners

    def as_tensor(self) -> Any:
        """A RaggedTensor `[lists, None]`."""
        return tf.RaggedTensor.from_row_splits(self.values, self.row_splits)
