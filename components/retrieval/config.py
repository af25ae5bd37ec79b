"""Settings of the two-tower retrieval model and its training."""

from __future__ import annotations

from typing import Annotated

from components.settings import (
    Count,
    Listed,
    Natural,
    OrNone,
    Rate,
    Seed,
    Share,
    Weight,
    number,
    one_of,
    settings,
    that,
)

AUTO, FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR = "auto", "full_softmax", "in_batch_softmax", "squared_error"
LOSSES = (AUTO, FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR)
ORDERS = ("auto", "time", "none")
SHORTEST_HALF_LIFE = 0.01  # in positions: all weight is on the latest one long before
HalfLife = Annotated[
    float,
    number(lambda value: value == 0 or value >= SHORTEST_HALF_LIFE, f"{SHORTEST_HALF_LIFE} or more, or 0 (all alike)"),
]


@settings("retrieval")
class RetrievalConfig:
    """Settings of the retrieval model.

    Attributes:
      embedding_dim: Width of a tower's vector, without the bias dimension; 0: by the data (auto.py).
      half_lives: Half-lives of the history poolings, in positions from the latest item; 0 = all alike.
      history_order: What the order of a user's items means: `time` (what came last counts most, what comes
        next is predicted), `none` (a set: pooled evenly, and whatever belongs to it is predicted; for dated rows
        that were split at random, too), or `auto`: time for dated rows, none for undated ones.
      loss: `full_softmax` over the catalogue, `in_batch_softmax` over the targets of the batch and drawn items, with
        logQ correction, `squared_error` over the catalogue without an item's own contribution (a low-rank EASE; items
        are ids alone, so content, min_ratings and item_dropout are not used), or `auto`: squared_error where
        history_order comes to none, else full_softmax up to full_softmax_limit items, else in_batch_softmax.
      full_softmax_limit: Largest catalogue that `auto` trains with the full softmax.
      negatives: in_batch_softmax: items drawn evenly from the catalogue that are candidates besides the targets of
        the batch.
      targets: Softmax losses: items after the cut that a training row predicts.
      target_decay: Softmax losses: a target at position p after the cut counts (1 + p) ** -target_decay;
        0 = all alike.
      cuts_per_user: Softmax losses: training rows drawn from a user's sequence in an epoch, on average.
      cuts_by_length: Softmax losses: a user's share of them grows with the sequence's length to this power.
      epoch_rows: Maximum training rows per epoch; with more data, each epoch gets a different part of it.
      min_ratings: Items with fewer training rows share one id vector and rely on their content; 0: by the data.
      item_dropout: Share of a training batch's input items whose id is hidden, so that unknown
        items have a trained path.
      user_dropout: Where users have features: share of a batch's rows whose history is hidden, and share of features
        that are hidden, so that a user with only features known, or only some of them, has a trained path.
      history_length: Most recent interactions that the query tower reads.
      softmax_weight: Where rows have no order and `loss` is `auto`: weight of the models trained by softmax (which
        read features), in standard deviations of scores; the squared-error model counts 1. 0: no such models; `none`:
        the weight that is best on eval, which may be 0.
      transitions_dim: Where rows have an order: width of the vectors of counted transitions (which items follow which
        within 20 rows), which stand beside the models'; 0: no such vectors; `none`: by the data: 128, or up to 1024
        for sparse data, as long as one vector of each user and two of each item take no more than 400 MB; less if
        128 takes more.
      transitions_weight: Weight of these, in standard deviations of scores; the models together count 1. `none`: the
        weight that is best on eval, which may be 0.
      repeats_weight: Where lists may hold what a user has had before (bundle.leave_out_seen): weight of that, in the
        same unit; `none`: the weight that is best on eval, which may be 0.
      repeats_half_life: Number of more recent rows after which it counts half as much, 0: all alike; `none`: what is
        best on eval, or 0 for undated rows.
      seeds: Number of models, trained with different seeds, whose vectors stand side by side in one index; where both
        losses are used, number of softmax models.
      epochs: Maximum number of epochs.
      patience: Epochs without a better eval metric before training stops; 0: by the data: 15, or 8 if an epoch has only
        part of the rows.
      eval_every: Epochs between two evaluations.
      eval_users: Maximum number of users of the eval split that an evaluation uses, evenly spread.
      batch_size: Training rows per step; 0: by the data.
      learning_rate: Adam's step size.
      averaging: Momentum of the moving average of the weights, which is what is judged and kept
        (Polyak averaging); 0 = the last weights themselves.
      l2: Softmax losses: weight of the squared norm of all tables. `none`: 0.1 divided by the number of id vectors,
        each id vector's share set by how often its items occur, and 1e-4 for vectors of features (docs/results.md).
      squared_error_l2: The same with the squared error, whose unit is one item of a user.
      seed: First seed.
    """

    embedding_dim: Natural = 128
    half_lives: Annotated[Listed[HalfLife], that(bool, "one half-life or more")] = (0.0, 1.0, 5.0)
    history_order: Annotated[str, one_of(*ORDERS)] = "auto"
    loss: Annotated[str, one_of(*LOSSES)] = AUTO
    full_softmax_limit: Natural = 5_000
    negatives: Natural = 1_000
    targets: Count = 10
    target_decay: Weight = 1.0
    cuts_per_user: Count = 2
    cuts_by_length: Weight = 0.5
    epoch_rows: Count = 50_000
    min_ratings: Natural = 5
    item_dropout: Share = 0.02
    user_dropout: Share = 0.1
    history_length: Count = 200
    softmax_weight: OrNone[Weight] = None
    transitions_dim: OrNone[Natural] = None
    transitions_weight: OrNone[Weight] = None
    repeats_weight: OrNone[Weight] = None
    repeats_half_life: OrNone[Weight] = None
    seeds: Count = 1
    epochs: Count = 75
    patience: Natural = 15
    eval_every: Count = 1
    eval_users: Count = 5_000
    batch_size: Natural = 256
    learning_rate: Rate = 0.01
    averaging: Share = 0.98
    l2: OrNone[Weight] = 1e-4
    squared_error_l2: Weight = 0.02
    seed: Seed = 1
