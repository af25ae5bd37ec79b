"""Builds a retrieval model for its data, untrained, and what draws its training rows."""

from __future__ import annotations

import numpy as np

from components.examples import Floats
from components.retrieval.config import FULL_SOFTMAX, SQUARED_ERROR, RetrievalConfig
from components.retrieval.cuts import CutSampler
from components.retrieval.losses.full_softmax import FullSoftmax
from components.retrieval.losses.in_batch_softmax import InBatchSoftmax
from components.retrieval.losses.squared_error import SquaredError
from components.retrieval.model import Loss, TwoTowerModel
from components.retrieval.penalty import Penalty
from components.retrieval.towers import CandidateTower, QueryTower
from components.retrieval.training_data import TrainingData, chosen_loss, is_ordered
from components.retrieval.user_sets import UserSetSampler

L2_BY_FREQUENCY, L2_OF_FEATURES = 0.1, 1e-4
"""L2 where the configuration leaves it open: of id vectors, to be divided by their number, and of all other vectors."""


def build(config: RetrievalConfig, data: TrainingData, seed: int) -> TwoTowerModel:
    """An untrained model for the data."""
    half_lives = config.half_lives if is_ordered(config, data.sequences) else (0.0,)
    loss = chosen_loss(config, data.sequences, len(data.counts))
    alone = loss == SQUARED_ERROR  # ids are all that it reads
    slots, content = data.content.slots, 0 if alone else data.content.size
    users = None if alone else data.users
    penalty = _penalty(loss, config, data)
    return TwoTowerModel(
        QueryTower(
            half_lives,
            slots,
            content,
            config.embedding_dim,
            seed * 1_000,
            0 if users is None else users.content.size,
            0 if users is None else users.contexts.size,
        ),
        CandidateTower(slots, content, config.embedding_dim, _first_bias(loss, data), seed * 1_000 + 500),
        data.items,
        _loss(loss, config, data),
        data.content,
        penalty=penalty,
        item_dropout=0.0 if alone else config.item_dropout,  # without content nothing is left
        reads_content=not alone,
        users=users,
        user_dropout=config.user_dropout,
    )


def create_sampler(config: RetrievalConfig, data: TrainingData) -> CutSampler | UserSetSampler:
    """Draws the training rows that the loss wants: cut sequences, or whole sets for the squared error."""
    if chosen_loss(config, data.sequences, len(data.counts)) == SQUARED_ERROR:
        return UserSetSampler(sequences=data.sequences, most_rows=config.epoch_rows)
    return CutSampler(
        sequences=data.sequences,
        history_length=config.history_length,
        targets=config.targets,
        cuts_per_user=config.cuts_per_user,
        cuts_by_length=config.cuts_by_length,
        most_rows=config.epoch_rows,
        ordered=is_ordered(config, data.sequences),
        new=data.new,
    )


def _loss(loss: str, config: RetrievalConfig, data: TrainingData) -> Loss:
    if loss == SQUARED_ERROR:
        return SquaredError()
    if loss == FULL_SOFTMAX:
        return FullSoftmax(config.target_decay, repeats=data.repeats)
    frequencies = np.maximum(data.counts, 1) / max(1, data.counts.sum())
    return InBatchSoftmax(frequencies, config.target_decay, config.negatives, repeats=data.repeats)


def _penalty(loss: str, config: RetrievalConfig, data: TrainingData) -> Penalty:
    """What is added to the loss: by one weight for all, or for each id vector by how often it occurs."""
    slots = data.content.slots
    totals = np.bincount(data.items.slots.numpy(), weights=data.counts, minlength=slots)
    if loss == SQUARED_ERROR:
        return Penalty(config.squared_error_l2, totals)
    if config.l2 is not None:
        return Penalty(config.l2, totals)
    return Penalty(L2_BY_FREQUENCY / slots, totals, by_frequency=True, l2_of_others=L2_OF_FEATURES)


def _first_bias(loss: str, data: TrainingData) -> Floats:
    """The candidates' first bias: log popularity, which a softmax would take long to learn; 0 for other losses."""
    slots = data.content.slots
    if loss == SQUARED_ERROR:
        return np.zeros(slots, np.float32)
    totals = np.bincount(data.items.slots.numpy(), weights=data.counts, minlength=slots)
    members = np.bincount(data.items.slots.numpy(), minlength=slots)
    means: Floats = (totals / np.maximum(members, 1)).astype(np.float32)
    return np.log1p(means)
