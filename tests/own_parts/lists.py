"""A metric of lists and a simple recommender of somebody's own."""

from __future__ import annotations

import numpy as np

from components.evaluation.metric_kinds import LISTS, Metric
from components.peers.peers import Peer

HITS = Metric(name="hit_rate", label="hit rate", of=LISTS, has_cut_off=True, formula="tests.own_parts.lists:hit_rate")


def hit_rate(items, held_out, cut_off):
    """1 where one of the first `cut_off` items is held out, else 0."""
    return float(not held_out.isdisjoint(items[:cut_off]))


def fit_last_item(sequences, items, popularity, config):
    """Learns nothing: what lies behind the last item in the catalogue comes next."""
    del sequences, popularity, config

    def lists(histories, left_out, n):
        for user in range(len(histories)):
            start = histories[user][-1] + 1 if len(histories[user]) else 0
            found = (start + np.arange(items)) % items
            yield found[~np.isin(found, left_out[user])][:n].astype(np.int32)

    return lists


BEHIND = Peer(name="behind the last item", fit=fit_last_item)
NO_METRIC = Metric(name="recall", label="another recall", of=LISTS, formula="tests.own_parts.lists:hit_rate")
