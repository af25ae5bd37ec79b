"""What a retrieval model is trained on, and what follows from the rows: whether they have an order, and which loss."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.errors import InputError
from components.examples import AskedUsers, Ints, Longs, MarkedRows, RaggedRows
from components.retrieval.config import AUTO, FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR, RetrievalConfig
from components.retrieval.content import ItemContent, Items, item_content
from components.training.phases import Phase
from components.training.users import Users

SOFTMAX_BATCH, SOFTMAX_EVAL_EVERY = 256, 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Everything a retrieval model is trained on.

    Attributes:
      content: Id slots and content of items.
      items: The whole catalogue, encoded by `content`.
      counts: int64 `[N]`, training rows of each item (of Transform's counting).
      sequences: Training rows of each user that are no dislikes, oldest first.
      marked: Users of the eval split; None: nobody looks at any.
      users: What is known of users by features; None: nothing, or the loss has no use for it.
      user_rows: int32 `[users]`, the row among `users` of each of `sequences`; of no use without them.
      ids: Id slots of every item that has a row, and the catalogue encoded by them; None: of no use.
      repeats: Whether a list may hold what a user has had before: then it is a candidate in training, too.
      new: Positions in `sequences` of the rows that weights do not know yet from which a training starts.
    """

    content: ItemContent
    items: Items
    counts: Longs
    sequences: RaggedRows
    marked: AskedUsers | None = None
    users: Users | None = None
    user_rows: Ints = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    ids: tuple[ItemContent, Items] | None = None
    repeats: bool = False
    new: Longs = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))


def training_data(
    config: RetrievalConfig, phase: Phase, marked: MarkedRows | None, *, repeats: bool = False
) -> TrainingData:
    """Puts together what the model is trained on: rows that are no dislikes.

    Args:
      config: Of the model.
      phase: Which rows are seen.
      marked: Marked rows of the eval split; None: nobody looks at any.
      repeats: Whether a list may hold what a user has had before.
    """
    items = phase.items
    liked = phase.sequences.liked(phase.liked_from)
    rows = liked.items.rows[liked.items.rows >= 0]
    frequencies = np.bincount(items.index[rows], minlength=len(phase.frequencies))
    content = item_content(phase.content, frequencies, least_ratings(config, liked.items, len(items)))
    ids = item_content(phase.content, frequencies, 1)
    return TrainingData(
        content=content,
        items=content.of(items),
        counts=frequencies[items.index],
        sequences=liked.items,
        marked=None if marked is None else AskedUsers.of(marked, liked),
        users=phase.users,
        user_rows=np.zeros(0, np.int32) if phase.users is None else phase.users.rows_of(liked.user_ids),
        ids=(ids, ids.of(items)),
        repeats=repeats,
    )


def is_ordered(config: RetrievalConfig, sequences: RaggedRows) -> bool:
    """Whether the order of a user's items means anything.

    Raises:
      InputError: The order of undated rows is asked for.
    """
    dated = bool(sequences.timestamps.any())
    if config.history_order == "time" and not dated:
        raise InputError(
            "retrieval.history_order = time needs times, and the rows have none",
            expected="a column such as timestamp (Unix seconds)",
            action="name it with --columns timestamp=COLUMN, or set retrieval.history_order=auto",
        )
    return dated and config.history_order != "none"


def is_mixed(config: RetrievalConfig, data: TrainingData) -> bool:
    """Whether models of two losses are meant to stand side by side."""
    return config.loss == AUTO and not is_ordered(config, data.sequences)


def softmax_beside(config: RetrievalConfig, data: TrainingData) -> RetrievalConfig | None:
    """Settings of the models by the softmax beside the one by the squared error; None where there are none.

    Their errors are others: they read features, and tell likely from unlikely where it tells had from not had. A pass
    over their rows is dearer and says more, so they are judged and given up earlier.
    """
    if config.softmax_weight == 0 or not is_mixed(config, data):
        return None
    usual = RetrievalConfig()
    return dataclasses.replace(
        config,
        loss=FULL_SOFTMAX if len(data.counts) <= config.full_softmax_limit else IN_BATCH_SOFTMAX,
        batch_size=min(config.batch_size, SOFTMAX_BATCH),
        patience=min(config.patience, usual.patience),
        eval_every=min(config.eval_every, SOFTMAX_EVAL_EVERY),
        history_length=min(config.history_length, usual.history_length),
    )


def chosen_loss(config: RetrievalConfig, sequences: RaggedRows, items: int) -> str:
    """The loss that the configuration means for a catalogue of so many items."""
    if config.loss != AUTO:
        return config.loss
    if not is_ordered(config, sequences):
        return SQUARED_ERROR
    return FULL_SOFTMAX if items <= config.full_softmax_limit else IN_BATCH_SOFTMAX


def least_ratings(config: RetrievalConfig, sequences: RaggedRows, items: int) -> int:
    """Training rows from which on an item has an id vector: with the squared error one is enough."""
    return 1 if chosen_loss(config, sequences, items) == SQUARED_ERROR else config.min_ratings
