"""Settings of the two-tower retrieval model and its training."""

from __future__ import annotations

import dataclasses

from components.settings import require, require_seed

AUTO, FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR = "auto", "full_softmax", "in_batch_softmax", "squared_error"
LOSSES = (AUTO, FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR)
ORDERS = ("auto", "time", "none")
SHORTEST_HALF_LIFE = 0.01  # in positions: all weight is on the latest one long before


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalConfig:
    """Settings of the retrieval model.

    Attributes:
      embedding_dim: Width of a tower's vector, without the bias dimension; 0: by the data (auto.py).
      half_lives: Half-lives of the history poolings, in positions from the latest item; 0 = all alike.
      history_order: What the order of a user's items means: `time` (what came last counts most, what comes
        next is predicted), `none` (a set: pooled evenly, and whatever belongs to it is predicted; for dated rows
        that were split at random, too), or `auto`: time for dated rows, none for undated ones.
      loss: `full_softmax` over the catalogue, `in_batch_softmax` (tfrs.tasks.Retrieval with logQ
        correction and accidental hits removed), `squared_error` over the catalogue without an item's own
        contribution (a low-rank EASE; items are ids alone, so content, min_ratings and item_dropout are
        not used), or `auto`: squared_error where history_order comes to none, else full_softmax up to
        full_softmax_limit items, else in_batch_softmax.
      full_softmax_limit: Largest catalogue that `auto` trains with the full softmax.
      negatives: in_batch_softmax: items drawn evenly from the catalogue that are candidates besides those of the batch.
      targets: Softmax losses: items after the cut that a training row predicts.
      target_decay: Softmax losses: a target at position p after the cut counts (1 + p) ** -target_decay;
        0 = all alike.
      cuts_per_user: Softmax losses: training rows drawn from a user's sequence in an epoch, on average.
      cuts_by_length: Softmax losses: a user's share of them grows with the sequence's length to this power.
      epoch_rows: Most training rows of an epoch; larger data gives each epoch another part of itself.
      min_ratings: Items with fewer training rows share one id vector and live by their content; 0: by the data.
      item_dropout: Share of a training batch's input items whose id is hidden, so that unknown
        items have a trained path.
      user_dropout: Where users have features: share of a batch's rows whose history is hidden, and of the features
        that are hidden, so that somebody of whom only features are known, or only some, has a trained path.
      history_length: Most recent interactions that the query tower reads.
      softmax_weight: Where rows have no order and `loss` is `auto`: how much models count that the softmax has trained
        (it reads features), in standard deviations of scores where the one by the squared error counts 1; 0: there are
        none; `none`: what is best on eval, which may be nothing.
      transitions_dim: Where rows have an order: width of the vectors of counted transitions (which items follow which
        within 20), which stand beside the models'; 0: none; `none`: by the data, 128, where they are sparse up to
        1024, as long as vectors of all users and two of each item take no more than 400 MB.
      transitions_weight: How much these count, in standard deviations of scores where the models' together count 1;
        `none`: what is best on eval, which may be nothing.
      repeats_weight: Where lists may hold what a user has had before (bundle.leave_out_seen): how much that counts,
        in the same unit; `none`: what is best on eval, which may be nothing.
      repeats_half_life: After how many more recent rows it counts half as much, 0: all alike; `none`: what is best on
        eval, for undated rows 0.
      seeds: Models trained with different seeds whose vectors stand side by side in one index; where both losses are
        used, models by the softmax.
      epochs: Most epochs.
      patience: Epochs without a better eval metric before training stops.
      eval_every: Epochs between two evaluations.
      eval_users: Most users of the eval split that an evaluation asks for, evenly spread.
      batch_size: Training rows a step; 0: by the data.
      learning_rate: Adam's step size.
      averaging: Momentum of the moving average of the weights, which is what is judged and kept
        (Polyak averaging); 0 = the last weights themselves.
      l2: Weight of the squared norm of all tables, softmax losses. `none`: 0.1 by the number of id vectors, each id
        vector's share by how often its items occur, and 1e-4 for vectors of features (docs/results.md).
      squared_error_l2: The same with the squared error, whose unit is one item of a user.
      seed: First seed.
    """

    embedding_dim: int = 128
    half_lives: tuple[float, ...] = (0.0, 1.0, 5.0)
    history_order: str = "auto"
    loss: str = AUTO
    full_softmax_limit: int = 30_000
    negatives: int = 1_000
    targets: int = 10
    target_decay: float = 1.0
    cuts_per_user: int = 2
    cuts_by_length: float = 0.5
    epoch_rows: int = 50_000
    min_ratings: int = 5
    item_dropout: float = 0.02
    user_dropout: float = 0.1
    history_length: int = 200
    softmax_weight: float | None = None
    transitions_dim: int | None = None
    transitions_weight: float | None = None
    repeats_weight: float | None = None
    repeats_half_life: float | None = None
    seeds: int = 1
    epochs: int = 75
    patience: int = 15
    eval_every: int = 1
    eval_users: int = 5_000
    batch_size: int = 256
    learning_rate: float = 0.01
    averaging: float = 0.98
    l2: float | None = 1e-4
    squared_error_l2: float = 0.02
    seed: int = 1

    def __post_init__(self) -> None:
        require(self.loss in LOSSES, "retrieval.loss", "one of " + ", ".join(LOSSES), self.loss)
        require(
            self.history_order in ORDERS,
            "retrieval.history_order",
            "one of " + ", ".join(ORDERS),
            self.history_order,
        )
        require(
            len(self.half_lives) >= 1 and all(one == 0 or one >= SHORTEST_HALF_LIFE for one in self.half_lives),
            "retrieval.half_lives",
            f"one half-life or more, each {SHORTEST_HALF_LIFE} or more, or 0 (all alike)",
            self.half_lives,
        )
        require_seed(self.seed, "retrieval.seed")
        for name in (
            "targets",
            "cuts_per_user",
            "epoch_rows",
            "history_length",
            "seeds",
            "epochs",
            "patience",
            "eval_every",
            "eval_users",
        ):
            require(getattr(self, name) >= 1, f"retrieval.{name}", "1 or more", getattr(self, name))
        require(self.l2 is None or self.l2 >= 0, "retrieval.l2", "0 or more, or none", self.l2)
        for name in ("softmax_weight", "transitions_dim", "transitions_weight", "repeats_weight", "repeats_half_life"):
            number = getattr(self, name)
            require(number is None or number >= 0, f"retrieval.{name}", "0 or more, or none", number)
        for name in ("item_dropout", "user_dropout"):
            require(0 <= getattr(self, name) < 1, f"retrieval.{name}", "from 0 to below 1", getattr(self, name))
        require(0 <= self.averaging < 1, "retrieval.averaging", "from 0 to below 1", self.averaging)
        require(0 < self.learning_rate <= 1, "retrieval.learning_rate", "above 0 and at most 1", self.learning_rate)
        for name in (
            "target_decay",
            "cuts_by_length",
            "squared_error_l2",
            "negatives",
            "full_softmax_limit",
            "min_ratings",
            "embedding_dim",
            "batch_size",
        ):
            require(getattr(self, name) >= 0, f"retrieval.{name}", "0 or more", getattr(self, name))
