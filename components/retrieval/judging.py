"""What trained vectors are worth on the eval split, one model alone or several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.retrieval.config import RetrievalConfig
from components.retrieval.cuts import no_contexts
from components.retrieval.exact_search import Scorer, last_rows, ndcg, ndcg_of_sums, ndcg_with_repeats
from components.retrieval.repeats import Repeats

CUT_OFF = 100
METRIC = f"NDCG@{CUT_OFF}"
SAMPLE = 64
"""Histories by which scores are brought to one scale."""


def evaluate(models: Sequence[Any], config: RetrievalConfig, data: Any) -> float:
    """NDCG@100 on the eval split of models whose scores are added.

    Args:
      models: TwoTowerModels or TransitionVectors.
      config: Of their training.
      data: TrainingData, with users of the eval split.
    """
    return ndcg(*_together(models, data), data.marked, CUT_OFF, config.history_length, config.eval_users)


def evaluate_sums(
    models: Sequence[Any], others: Sequence[Any], config: RetrievalConfig, data: Any, weights: Sequence[float]
) -> list[float]:
    """The same of models and, beside them, others whose scores count by each of some weights."""
    limits = CUT_OFF, config.history_length, config.eval_users
    return ndcg_of_sums(_together(models, data), _together(others, data), data.marked, *limits, weights)


def evaluate_repeats(
    models: Sequence[Any], config: RetrievalConfig, data: Any, options: Sequence[Repeats]
) -> list[float]:
    """The same with each of some ways to raise the scores of what a user had before."""
    limits = CUT_OFF, config.history_length, config.eval_users
    return ndcg_with_repeats(*_together(models, data), data.marked, *limits, options)


def spread(models: Sequence[Any], config: RetrievalConfig, data: Any) -> float:
    """Standard deviation of the scores of the catalogue for some training histories, added over models."""
    users = np.unique(np.linspace(0, len(data.sequences) - 1, SAMPLE).astype(np.int64))
    histories = tf.constant(last_rows(data.sequences, users, config.history_length))
    scores = 0
    for model in models:
        tables, candidates = model.embed_catalogue()
        scores += tf.matmul(model.query_tower(histories, tables), candidates, transpose_b=True)
    return float(tf.math.reduce_std(scores))


def _together(models: Sequence[Any], data: Any) -> Scorer:
    """How models side by side embed those who are asked, and their candidates."""
    parts = [_embedding(model, data) for model in models]

    def embed(history: Any, positions: Any) -> Any:
        return tf.concat([part(history, positions) for part, _ in parts], axis=1)

    return embed, tf.concat([candidates for _, candidates in parts], axis=1)


def _embedding(model: Any, data: Any) -> Scorer:
    """How a model embeds those who are asked, by history and position among them, and its candidates."""
    tables, candidates = model.embed_catalogue()
    users, asked = model.users, data.marked
    rows = None if users is None or asked.user_ids is None else users.rows_of(asked.user_ids)

    def embed(history: Any, positions: Any) -> Any:
        known = None
        if users is not None and rows is not None:
            contexts = asked.contexts if len(asked.contexts) else no_contexts(len(asked))
            known = users.known(rows[positions], contexts[positions])
        return model.query_tower(history, tables, known)

    return embed, candidates
