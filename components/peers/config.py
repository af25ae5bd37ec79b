"""Settings of the peers that a bundle is compared with."""

from __future__ import annotations

import dataclasses

from components.settings import require


@dataclasses.dataclass(frozen=True, kw_only=True)
class PeersConfig:
    """Settings of item-kNN; popularity has none.

    Attributes:
      neighbours: Most similar items that count for each item of a history.
      half_life: For dated data: after how many more recent items an item of the history weighs
        half as much; 0: all weigh the same, as they always do in undated data.
      longest: Only that many of a user's latest rows make items similar; the work grows with its square.
    """

    neighbours: int = 100
    half_life: float = 5.0
    longest: int = 500

    def __post_init__(self) -> None:
        require(self.neighbours >= 1, "peers.neighbours", "1 or more", self.neighbours)
        require(self.half_life >= 0, "peers.half_life", "0 or more", self.half_life)
        require(self.longest >= 2, "peers.longest", "2 or more", self.longest)
