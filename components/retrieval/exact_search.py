"""NDCG of lists found by exact search: the metric on which training stops and mixtures are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.best_columns import BLOCK, LOWEST, best_columns
from components.examples import AskedUsers, Floats, Ints, Longs, RaggedRows, evenly_spread
from components.retrieval.repeats import Repeats

USERS_AT_ONCE, SCORES_AT_ONCE = 256, 2**26
"""Most users of a step, and most scores (256 MB): a catalogue of a million items is scored for 67 users at once."""

Embed = Callable[[Any, Any], Any]
Scorer = tuple[Embed, Any]
"""How queries are made, and the candidates float32 `[N, D]` that they meet."""


def ndcg(embed: Embed, candidates: Any, asked: AskedUsers, k: int, history_length: int, most_users: int) -> float:
    """Mean NDCG@k over users, binary relevance, what lists leave out left out.

    DCG is the sum of 1 / log2(rank + 1) over held-out items within the first `k`; the ideal has
    min(k, held-out items) at the top. Users without a held-out item do not count; ties are
    broken by catalogue row; no user at all gives NaN.

    Args:
      embed: Maps histories int32 `[B, H]` (newest last, -1 in front), and the positions of their users among those
        who are asked, int64 `[B]`, to queries float32 `[B, D]`.
      candidates: float32 `[N, D]`.
      asked: The users.
      k: Length of the list.
      history_length: Most recent items handed to `embed`.
      most_users: Users beyond this number are left out, evenly spread.
    """
    size = int(candidates.shape[0])
    k = min(k, size)
    gains = [
        _gains(_best(scores, size, k).numpy(), relevant)
        for _, (scores,), relevant in _scored([(embed, candidates)], asked, history_length, most_users)
    ]
    return float(np.mean(np.concatenate(gains))) if gains else float("nan")


def ndcg_of_sums(
    first: Scorer,
    second: Scorer,
    asked: AskedUsers,
    k: int,
    history_length: int,
    most_users: int,
    weights: Sequence[float],
) -> list[float]:
    """The same of scores `first + weight * second`, for each of some weights: the catalogue is scored once for all.

    Args:
      first, second: How queries are made, and the candidates float32 `[N, D]` that they meet; `D` is each one's own.
      asked, k, history_length, most_users: As of `ndcg`.
      weights: The weights; finite.

    Returns:
      The NDCG with each.
    """
    size = int(first[1].shape[0])
    k = min(k, size)
    gains: list[list[Floats]] = [[] for _ in weights]
    for _, (scores, added), relevant in _scored([first, second], asked, history_length, most_users):
        for weight, of_weight in zip(weights, gains, strict=True):
            top = _best_of_sum(scores, added, tf.constant(weight, tf.float32), size, k)
            of_weight.append(_gains(top.numpy(), relevant))
    return [float(np.mean(np.concatenate(of_weight))) if of_weight else float("nan") for of_weight in gains]


def ndcg_with_repeats(
    embed: Embed,
    candidates: Any,
    asked: AskedUsers,
    k: int,
    history_length: int,
    most_users: int,
    options: Sequence[Repeats],
) -> list[float]:
    """The same with each of some ways to raise the scores of what a user had before.

    Args:
      embed, candidates, asked, k, history_length, most_users: As of `ndcg`.
      options: The ways.

    Returns:
      The NDCG of each.
    """
    k = min(k, int(candidates.shape[0]))
    gains: list[list[Floats]] = [[] for _ in options]
    for history, (padded,), relevant in _scored([(embed, candidates)], asked, history_length, most_users):
        scores = padded.numpy()[:, : int(candidates.shape[0])]
        had = np.zeros(scores.shape, bool)
        present = np.nonzero(history >= 0)
        had[present[0], history[present]] = True
        of_history = np.take_along_axis(scores, np.maximum(history, 0), axis=1)
        others = tf.math.top_k(np.where(had, LOWEST, scores), k)
        rows = np.concatenate([others.indices.numpy(), np.maximum(history, 0)], axis=1)
        for option, of_option in zip(options, gains, strict=True):
            raised = option(tf.constant(history)).numpy()
            raised = np.where(raised > 0, of_history + raised, LOWEST)  # every item once: at its newest place
            top = tf.math.top_k(np.concatenate([others.values.numpy(), raised], axis=1), k).indices.numpy()
            of_option.append(_gains(np.take_along_axis(rows, top, axis=1), relevant))
    return [float(np.mean(np.concatenate(of_option))) if of_option else float("nan") for of_option in gains]


def _scored(
    scorers: Sequence[Scorer], asked: AskedUsers, history_length: int, most_users: int
) -> Iterator[tuple[Ints, list[Any], Any]]:
    """Histories int32 `[B, H]`, each scorer's scores float32 `[B, N + padding]`, and what is asked for, bool `[B, N]`.

    The first scores are LOWEST at what is left out.
    """
    chosen = evenly_spread(len(asked), most_users)
    size = int(scorers[0][1].shape[0])
    padded = [(embed, tf.pad(candidates, [[0, -size % BLOCK], [0, 0]])) for embed, candidates in scorers]
    in_all = len(scorers) * max(1, size)
    at_once = max(1, min(USERS_AT_ONCE, SCORES_AT_ONCE // in_all))
    for start in range(0, len(chosen), at_once):
        users = chosen[start : start + at_once]
        history = last_rows(asked.histories, users, history_length)
        queries = [embed(tf.constant(history), users) for embed, _ in scorers]
        left_out = np.stack(_places(asked.left_out, users), axis=1)
        relevant = np.zeros((len(users), size), bool)
        relevant[_places(asked.held_out, users)] = True
        nothing = left_out[:0]
        yield (
            history,
            [
                _inner_products(of_scorer, candidates, nothing if number else left_out)
                for number, (of_scorer, (_, candidates)) in enumerate(zip(queries, padded, strict=True))
            ],
            relevant,
        )


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None, 2], tf.int64),
    ],
    autograph=False,
)  # type: ignore[misc]
def _inner_products(queries: Any, candidates: Any, lowered: Any) -> Any:
    """Of float32 `[B, D]` and `[C, D]`, LOWEST at (row, column)."""
    scores = tf.matmul(queries, candidates, transpose_b=True)
    return tf.tensor_scatter_nd_update(scores, lowered, tf.fill(tf.shape(lowered)[:1], LOWEST))


@tf.function(autograph=False, reduce_retracing=True)  # type: ignore[misc]
def _best(scores: Any, size: int, k: int) -> Any:
    return best_columns(scores, size, k)[0]


@tf.function(autograph=False, reduce_retracing=True)  # type: ignore[misc]
def _best_of_sum(scores: Any, added: Any, weight: Any, size: int, k: int) -> Any:
    """The same of `scores + weight * added`; LOWEST is so low that nothing moves it."""
    return best_columns(scores + weight * added, size, k)[0]


def _gains(top: Ints, relevant: Any) -> Floats:
    """NDCG of each of some lists int32 `[B, k]` of catalogue rows, of which `relevant` bool `[B, N]` were asked for."""
    k = top.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    hits = np.take_along_axis(relevant, top, axis=1)
    gains: Floats = (hits @ discounts) / ideal[np.minimum(relevant.sum(1), k)]
    return gains


def last_rows(lists: RaggedRows, positions: Longs, length: int) -> Ints:
    """The last `length` entries of some lists as int32 `[lists, width]`, newest last, -1 in front."""
    ends = lists.row_splits[positions + 1]
    lengths = ends - lists.row_splits[positions]
    width = int(min(length, lengths.max(initial=0)))
    offsets = np.arange(-width, 0)[None, :]
    valid = -offsets <= lengths[:, None]
    if not len(lists.rows):
        return np.full((len(positions), width), -1, np.int32)
    return np.where(valid, lists.rows[np.where(valid, ends[:, None] + offsets, 0)], -1).astype(np.int32)


def _places(lists: RaggedRows, positions: Longs) -> tuple[Longs, Longs]:
    """`i` and row, int64 each, of every row of list `positions[i]`."""
    rows = [lists[p] for p in positions]
    owners = np.repeat(np.arange(len(positions)), [len(r) for r in rows])
    columns = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    known = columns >= 0
    return owners[known], columns[known].astype(np.int64)
