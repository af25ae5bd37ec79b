"""Settings of the peers that a bundle is compared with."""

from __future__ import annotations

from typing import Annotated

from components.settings import Count, Listed, Weight, at_least, settings


@settings("peers")
class PeersConfig:
    """Settings of item-kNN and transitions; popularity and repeat counts have none.

    Attributes:
      neighbours: Item-kNN: how many of the most similar items count for each item of a history.
      half_life: Item-kNN, for dated data: number of more recent items after which an item of the history
        weighs half as much; 0: all weigh the same, as they always do in undated data.
      longest: Item-kNN: how many of a user's latest rows are used to compare items; the work grows with its square.
      followers: Transitions: maximum number of items that follow each item of a history.
      transition_rows: Transitions: where there are more rows, every second, third, ... user is counted.
      also: Your own additional peers, each as `package.module:NAME` of a Peer (components/baselines/peers.py).
    """

    neighbours: Count = 100
    half_life: Weight = 5.0
    longest: Annotated[int, at_least(2)] = 500
    followers: Count = 500
    transition_rows: Count = 5_000_000
    also: Listed[str] = ()
