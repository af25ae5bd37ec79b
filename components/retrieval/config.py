"""Settings of the two-tower retrieval model and its training."""

from __future__ import annotations

import dataclasses

from components.settings import require

LOSSES = ("auto", "full_softmax", "in_batch_softmax")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalConfig:
    """Settings of the retrieval model.

    Attributes:
      embedding_dim: Width of a tower's vector, without the bias dimension.
      half_lives: Half-lives of the history poolings, in positions from the latest item; 0 = all alike.
      loss: `full_softmax` over the catalogue, `in_batch_softmax` (tfrs.tasks.Retrieval with logQ
        correction and accidental hits removed), or `auto`: full up to full_softmax_limit movies.
      full_softmax_limit: Largest catalogue that `auto` trains with the full softmax.
      targets: full_softmax: movies after the cut that a training row predicts.
      cuts_per_user: Training rows drawn from a user's sequence in an epoch.
      min_ratings: Movies with fewer training rows share one id vector and live by their content.
      movie_dropout: Share of a training batch's input movies whose id is hidden, so that unknown
        movies have a trained path.
      history_length: Most recent interactions that the query tower reads.
      seeds: Models trained with different seeds whose vectors stand side by side in one index.
      epochs: Most epochs.
      patience: Epochs without a better eval metric before training stops.
      eval_every: Epochs between two evaluations.
      eval_users: Most users of the eval split that an evaluation asks for, evenly spread.
      batch_size: Training rows a step.
      learning_rate: Adam's step size.
      averaging: Momentum of the moving average of the weights, which is what is judged and kept
        (Polyak averaging); 0 = the last weights themselves.
      l2: Weight of the squared norm of all tables.
      seed: First seed.
    """

    embedding_dim: int = 64
    half_lives: tuple[float, ...] = (0.0, 1.0, 5.0)
    loss: str = "auto"
    full_softmax_limit: int = 30_000
    targets: int = 10
    cuts_per_user: int = 2
    min_ratings: int = 5
    movie_dropout: float = 0.02
    history_length: int = 200
    seeds: int = 1
    epochs: int = 75
    patience: int = 15
    eval_every: int = 5
    eval_users: int = 5_000
    batch_size: int = 256
    learning_rate: float = 0.01
    averaging: float = 0.98
    l2: float = 1e-4
    seed: int = 1

    def __post_init__(self) -> None:
        require(self.embedding_dim >= 1, "retrieval.embedding_dim", "1 or more", self.embedding_dim)
        require(self.loss in LOSSES, "retrieval.loss", "one of " + ", ".join(LOSSES), self.loss)
        require(len(self.half_lives) >= 1, "retrieval.half_lives", "at least one half-life", self.half_lives)
        for name in (
            "targets",
            "cuts_per_user",
            "history_length",
            "seeds",
            "epochs",
            "patience",
            "eval_every",
            "eval_users",
            "batch_size",
        ):
            require(getattr(self, name) >= 1, f"retrieval.{name}", "1 or more", getattr(self, name))
        require(0 <= self.movie_dropout < 1, "retrieval.movie_dropout", "from 0 to below 1", self.movie_dropout)
        require(0 <= self.averaging < 1, "retrieval.averaging", "from 0 to below 1", self.averaging)
        require(self.learning_rate > 0, "retrieval.learning_rate", "above 0", self.learning_rate)
        require(self.l2 >= 0, "retrieval.l2", "0 or more", self.l2)
