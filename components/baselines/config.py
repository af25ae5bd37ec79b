"""Settings of the peers that a bundle is compared with."""

from __future__ import annotations

import dataclasses

from components.settings import require


@dataclasses.dataclass(frozen=True, kw_only=True)
class PeersConfig:
    """Settings of item-kNN and transitions; popularity and repeat counts have none.

    Attributes:
      neighbours: Item-kNN: most similar items that count for each item of a history.
      half_life: Item-kNN, for dated data: after how many more recent items an item of the history weighs
        half as much; 0: all weigh the same, as they always do in undated data.
      longest: Item-kNN: only that many of a user's latest rows make items similar; the work grows with its square.
      followers: Transitions: most items that follow each item of a history.
      transition_rows: Transitions: where there are more rows, every second, third, ... user is counted.
      also: Peers of your own beside them, each as `package.module:NAME` of a Peer (components/baselines/peers.py).
    """

    neighbours: int = 100
    half_life: float = 5.0
    longest: int = 500
    followers: int = 500
    transition_rows: int = 5_000_000
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("neighbours", "followers", "transition_rows"):
            require(getattr(self, name) >= 1, f"peers.{name}", "1 or more", getattr(self, name))
        require(self.half_life >= 0, "peers.half_life", "0 or more", self.half_life)
        require(self.longest >= 2, "peers.longest", "2 or more", self.longest)
