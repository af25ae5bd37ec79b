"""Lists of indices end to end in two arrays: histories, raters, features."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.examples import Ints, Longs


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexLists:
    """List `i` is `values[splits[i]:splits[i + 1]]`.

    Attributes:
      splits: int64, `[lists + 1]`.
      values: int32, `[total]`.
    """

    splits: Longs
    values: Ints

    def __len__(self) -> int:
        return len(self.splits) - 1

    def __getitem__(self, position: int) -> Ints:
        return self.values[self.splits[position] : self.splits[position + 1]]

    def select(self, positions: Ints) -> tuple[Ints, Ints]:
        """The lists at `positions`, end to end.

        Returns:
          Values int32 `[selected]`, and for each the place in `positions` of the list it belongs to
          (int32 `[selected]`, ascending).
        """
        starts = self.splits[positions]
        lengths = self.splits[positions + 1] - starts
        owners = np.repeat(np.arange(len(positions), dtype=np.int32), lengths)
        selected_starts = np.cumsum(lengths) - lengths
        sources = np.arange(len(owners)) + np.repeat(starts - selected_starts, lengths)
        return self.values[sources], owners
