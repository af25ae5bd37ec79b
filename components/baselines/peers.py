"""The peers: simple recommenders that a bundle must not be worse than. The best of them on eval is what counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from components.baselines.config import PeersConfig
from components.baselines.item_knn import find_neighbours, recommend
from components.baselines.popularity import Doubles
from components.baselines.repeat_counts import most_repeated
from components.baselines.transitions import find_transitions
from components.by_path import find
from components.examples import AskedUsers, Ints, RaggedRows, UserSequences

Lists = Callable[[RaggedRows, RaggedRows, int], Iterator[Ints]]
"""Histories, what each list leaves out, and the length: int32 `[at most length]` a user, best first."""

Fit = Callable[[RaggedRows, int, Doubles, PeersConfig], Lists]
"""Learns from training rows of users, for so many items of such a popularity."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peer:
    """A simple recommender.

    Attributes:
      name: As people write it.
      fit: Learns, and makes lists.
      needs_times: Whether it says nothing of rows without times, in which nothing follows anything.
      needs_repeats: Whether it says nothing where a list may not hold what a user has had.
    """

    name: str
    fit: Fit
    needs_times: bool = False
    needs_repeats: bool = False


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


PEERS = (
    Peer(name=ITEM_KNN, fit=fit_item_knn),
    Peer(name=NEAR_TRANSITIONS, fit=fit_transitions(window=10, shrink=3.0, half_life=2.0), needs_times=True),
    Peer(name=FAR_TRANSITIONS, fit=fit_transitions(window=20, shrink=5.0, half_life=5.0), needs_times=True),
    Peer(name=REPEATS, fit=fit_repeats(half_life=0.0), needs_repeats=True),
    Peer(name=RECENT_REPEATS, fit=fit_repeats(half_life=20.0), needs_times=True, needs_repeats=True),
)


def candidates(ordered: bool, repeats: bool, also: Sequence[str] = ()) -> list[Peer]:
    """The peers that may be the best.

    Args:
      ordered: Whether rows have times.
      repeats: Whether a list may hold what a user has had.
      also: Peers of somebody's own, as `package.module:NAME`.
    """
    peers = [*PEERS, *(find("peers.also", path, Peer) for path in also)]
    return [one for one in peers if (ordered or not one.needs_times) and (repeats or not one.needs_repeats)]


def best_peer(
    peers: Sequence[Peer],
    sequences: UserSequences,
    items: int,
    popularity: Doubles,
    asked: AskedUsers,
    n: int,
    config: PeersConfig,
) -> tuple[Peer, dict[str, float]]:
    """The peer with the highest recall@n on eval (of equals the first), and the recall of each by name.

    Args:
      peers: Who is compared.
      sequences: The rows to learn from, which hold nothing of eval.
      items: Items of the catalogue.
      popularity: float64 `[items]`, of the same rows.
      asked: The users of the eval split.
      n: Length of the lists.
      config: Settings of the peers.
    """
    recalls = {}
    for peer in peers:
        lists = peer.fit(sequences.items, items, popularity, config)(asked.histories, asked.left_out, n)
        hits = [
            np.isin(asked.held_out[user], found).sum() / len(asked.held_out[user])
            for user, found in enumerate(lists)
            if len(asked.held_out[user])
        ]
        recalls[peer.name] = float(np.mean(hits)) if hits else 0.0
    return max(peers, key=lambda peer: recalls[peer.name]), recalls
