"""A metric of lists and a simple recommender of somebody's own."""

from __future__ import annotations

import numpy as np

from components.baselines.peers import Peer
from components.evaluation.metric_kinds import LISTS, Metric

HITS = Metric(name="hit_rate", label="hit rate", of=LISTS, has_cut_off=True, formula="tests.own_parts.lists:hit_rate")


def hit_rate(items, held_out, cut_off):
    """1 where one of the first `cut_off` items is held out, else 0."""
    return float(not held_out.isdisjoint(items[:cut_off]))


RANK = Metric(
    name="first_hit",
    label="place of the first hit",
    of=LISTS,
    higher_is_better=False,
    formula="tests.own_parts.lists:first_hit",
)


def first_hit(items, held_out):
    """Place of the first held-out item from 1; one behind the list where it holds none."""
    return float(next((place for place, item in enumerate(items, 1) if item in held_out), len(items) + 1))


TASTE = Metric(name="taste", label="taste", of=LISTS, higher_is_better=None, formula="tests.own_parts.lists:first_hit")


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
