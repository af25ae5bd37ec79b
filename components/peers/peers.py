"""The peers: simple recommenders that a bundle must not be worse than. The best of them on eval is what counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from components.examples import AskedUsers, Ints, RaggedRows, UserSequences
from components.peers.config import PeersConfig
from components.peers.item_knn import Doubles, find_neighbours, recommend
from components.peers.repeat_counts import most_repeated

Lists = Callable[[RaggedRows, RaggedRows, int], Iterator[Ints]]
"""Histories, what each list leaves out, and the length: int32 `[at most length]` a user, best first."""

ITEM_KNN, REPEATS = "item-kNN", "what the user had most"


def fit_item_knn(sequences: RaggedRows, items: int, popularity: Doubles, config: PeersConfig) -> Lists:
    """Item-based nearest neighbours (item_knn.py)."""
    neighbours = find_neighbours(sequences, items, config.neighbours, config.longest)
    half_life = config.half_life if sequences.timestamps.any() else 0.0  # undated rows have no order
    return lambda histories, left_out, n: recommend(neighbours, popularity, histories, left_out, n, half_life)


def fit_repeats(sequences: RaggedRows, items: int, popularity: Doubles, config: PeersConfig) -> Lists:
    """What the user had most often (repeat_counts.py)."""
    del sequences, items, config
    return lambda histories, left_out, n: most_repeated(popularity, histories, left_out, n)


PEERS: Mapping[str, Callable[[RaggedRows, int, Doubles, PeersConfig], Lists]] = {
    ITEM_KNN: fit_item_knn,
    REPEATS: fit_repeats,
}


def candidates(repeats: bool) -> list[str]:
    """The peers that may be the best: repeat counts only where a list may hold what a user has had."""
    return [ITEM_KNN, REPEATS] if repeats else [ITEM_KNN]


def best_peer(
    names: list[str],
    sequences: UserSequences,
    items: int,
    popularity: Doubles,
    asked: AskedUsers,
    n: int,
    config: PeersConfig,
) -> tuple[str, dict[str, float]]:
    """The peer with the highest recall@n on eval (of equals the first), and the recall of each.

    Args:
      names: Who is compared.
      sequences: The rows to learn from, which hold nothing of eval.
      items: Items of the catalogue.
      popularity: float64 `[items]`, of the same rows.
      asked: The users of the eval split.
      n: Length of the lists.
      config: Settings of the peers.
    """
    recalls = {}
    for name in names:
        lists = PEERS[name](sequences.items, items, popularity, config)(asked.histories, asked.left_out, n)
        hits = [
            np.isin(asked.held_out[user], found).sum() / len(asked.held_out[user])
            for user, found in enumerate(lists)
            if len(asked.held_out[user])
        ]
        recalls[name] = float(np.mean(hits)) if hits else 0.0
    return max(names, key=lambda name: recalls[name]), recalls
