"""The peers: simple recommenders that a bundle must not be worse than. The best of them on eval is what counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from components.examples import AskedUsers, Ints, RaggedRows, UserSequences
from components.peers.config import PeersConfig
from components.peers.item_knn import Doubles, find_neighbours, recommend
from components.peers.repeat_counts import most_repeated
from components.peers.transitions import find_transitions

Lists = Callable[[RaggedRows, RaggedRows, int], Iterator[Ints]]
"""Histories, what each list leaves out, and the length: int32 `[at most length]` a user, best first."""

Fit = Callable[[RaggedRows, int, Doubles, PeersConfig], Lists]
"""Learns from training rows of users, for so many items of such a popularity."""

ITEM_KNN = "item-kNN"
REPEATS, RECENT_REPEATS = "what the user had most", "what the user had most lately"
NEAR_TRANSITIONS, FAR_TRANSITIONS = "transitions within 10 items", "transitions within 20 items"


def fit_item_knn(sequences: RaggedRows, items: int, popularity: Doubles, config: PeersConfig) -> Lists:
    """Item-based nearest neighbours (item_knn.py)."""
    neighbours = find_neighbours(sequences, items, config.neighbours, config.longest)
    half_life = config.half_life if sequences.timestamps.any() else 0.0  # undated rows have no order
    return lambda histories, left_out, n: recommend(neighbours, popularity, histories, left_out, n, half_life)


def fit_repeats(half_life: float) -> Fit:
    """What the user had most often (repeat_counts.py), rows of `half_life` rows ago counting half."""

    def fit(sequences: RaggedRows, items: int, popularity: Doubles, config: PeersConfig) -> Lists:
        del sequences, items, config
        return lambda histories, left_out, n: most_repeated(popularity, histories, left_out, n, half_life)

    return fit


def fit_transitions(window: int, shrink: float, half_life: float) -> Fit:
    """What follows the items of the history (transitions.py), the latest of which weigh most."""

    def fit(sequences: RaggedRows, items: int, popularity: Doubles, config: PeersConfig) -> Lists:
        followers = find_transitions(sequences, items, window, shrink, config.followers, config.transition_rows)
        return lambda histories, left_out, n: recommend(followers, popularity, histories, left_out, n, half_life)

    return fit


PEERS: Mapping[str, Fit] = {
    ITEM_KNN: fit_item_knn,
    NEAR_TRANSITIONS: fit_transitions(window=10, shrink=3.0, half_life=2.0),
    FAR_TRANSITIONS: fit_transitions(window=20, shrink=5.0, half_life=5.0),
    REPEATS: fit_repeats(half_life=0.0),
    RECENT_REPEATS: fit_repeats(half_life=20.0),
}


def candidates(ordered: bool, repeats: bool) -> list[str]:
    """The peers that may be the best.

    Args:
      ordered: Whether rows have times: without them nothing follows anything.
      repeats: Whether a list may hold what a user has had: where not, repeat counts have nothing to say.
    """
    following = [NEAR_TRANSITIONS, FAR_TRANSITIONS] * ordered
    return [ITEM_KNN, *following] + [REPEATS] * repeats + [RECENT_REPEATS] * (ordered and repeats)


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
