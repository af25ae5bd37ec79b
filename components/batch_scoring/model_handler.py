"""Asks a bundle for blocks of users: the ModelHandler that RunInference runs on every worker."""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.ml.inference.base import ModelHandler

from components.batch_scoring.blocks import (
    HISTORY_ITEM_IDS,
    HISTORY_RATINGS,
    POSITION,
    RETRIEVED_SCHEMA,
    ROWS_SCHEMA,
    USER_ID,
    Rejected,
    ScoredBlock,
    UserBlock,
    one_batch,
)
from components.batch_scoring.reading import shown
from components.causes import cause_of
from components.errors import InputError
from serving import contract
from serving.scann_operations import load_operations

BLOCKS_AT_ONCE = 8
"""Blocks that RunInference hands over together: enough to keep every core busy until the last ones."""

MOST_REJECTED = 100
"""Users of a block for whom the model may fail; more are no bad records but a bad model, and the job fails."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListQuestion:
    """What is asked for every user.

    Attributes:
      model: The bundle's folder, here and on every worker.
      version: Its name in the rows.
      n: Items a user, 1 to contract.MAX_N.
      retrieve_only: Whether the first stage alone is asked: no titles, no predicted ratings, no histories.
    """

    model: str
    version: str
    n: int
    retrieve_only: bool = False

    @property
    def schema(self) -> Any:
        """Columns of the rows."""
        return RETRIEVED_SCHEMA if self.retrieve_only else ROWS_SCHEMA


class BundleHandler(ModelHandler[UserBlock, ScoredBlock, Any]):
    """Scores blocks of users with a bundle.

    A block is one element and one call of the model; the process answers as many blocks at once as it has
    cores. Where a call fails, the block is halved until the users are found for whom it fails; they are
    handed back as rejected and the others as scored.

    Args:
      question: What is asked.
    """

    def __init__(self, question: ListQuestion) -> None:
        super().__init__()
        self._question = question

    def load_model(self) -> LoadedSignature:
        """Loads the bundle, once a process."""
        return _loaded(self._question.model, self._question.retrieve_only)

    def run_inference(
        self, batch: Sequence[UserBlock], model: LoadedSignature, inference_args: dict[str, Any] | None = None
    ) -> Iterable[ScoredBlock]:
        """One scored block for every block, in their order."""
        return _threads().map(lambda block: score(block, model, self._question), batch)

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """How many blocks are handed over together."""
        return {"min_batch_size": BLOCKS_AT_ONCE, "max_batch_size": BLOCKS_AT_ONCE}

    def get_num_bytes(self, batch: Sequence[UserBlock]) -> int:
        return int(sum(block.users.nbytes for block in batch))

    def get_metrics_namespace(self) -> str:
        return "BatchScoring"


class LoadedSignature:
    """The signature of a bundle that is asked.

    Args:
      model: The bundle's folder.
      retrieve_only: Whether it is `retrieve`, else `recommend`.
    """

    def __init__(self, model: str, retrieve_only: bool) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow as tf

        load_operations(model)
        self._tf = tf
        self._bundle = tf.saved_model.load(model)  # a signature lives as long as its model
        self._ask = self._bundle.signatures[contract.RETRIEVE if retrieve_only else contract.RECOMMEND]
        self._retrieve_only = retrieve_only

    def __call__(self, users: Any, n: int) -> dict[str, Any]:
        """The signature's outputs as NumPy arrays for a record batch of users."""
        tf = self._tf
        ids = tf.constant(users.column(users.schema.get_field_index(USER_ID)).to_pylist(), tf.string)
        if self._retrieve_only:
            answer = self._ask(**{contract.USER_ID: ids})
        else:
            items, ratings = self._histories(users)
            nothing = tf.fill([users.num_rows, 0], "")
            answer = self._ask(
                **{
                    contract.USER_ID: ids,
                    contract.HISTORY_ITEM_IDS: items,
                    contract.HISTORY_RATINGS: ratings,
                    contract.EXCLUDE_ITEM_IDS: nothing,
                    contract.ALLOW_ITEM_IDS: nothing,
                    contract.FILTERS: nothing,
                    contract.USER_FEATURES: nothing,
                    contract.CONTEXT: nothing,
                    contract.N: tf.fill([users.num_rows], n),
                }
            )
        return {name: value.numpy() for name, value in answer.items()}

    def _histories(self, users: Any) -> tuple[Any, Any]:
        """Histories of a block as tensors `[users, longest]`, padded behind."""
        tf = self._tf
        items, ratings = (
            users.column(users.schema.get_field_index(name)) for name in (HISTORY_ITEM_IDS, HISTORY_RATINGS)
        )
        if not len(items.flatten()):
            return tf.fill([users.num_rows, 0], ""), tf.zeros([users.num_rows, 0])
        lengths = tf.constant(items.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
        ids = tf.constant(items.flatten().to_pylist(), tf.string)
        stars = tf.constant(ratings.flatten().to_numpy())
        return (
            tf.RaggedTensor.from_row_lengths(ids, lengths).to_tensor(""),
            tf.RaggedTensor.from_row_lengths(stars, lengths).to_tensor(0.0),
        )


_LOCK = threading.Lock()
_LOADED: dict[tuple[str, bool], LoadedSignature] = {}


def _loaded(model: str, retrieve_only: bool) -> LoadedSignature:
    """The process's one copy: runners with several worker threads, and jobs after each other, share it."""
    with _LOCK:
        key = (model, retrieve_only)
        if key not in _LOADED:
            _LOADED.clear()  # a process scores with one model at a time
            _LOADED[key] = LoadedSignature(model, retrieve_only)
        return _LOADED[key]


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """The process's threads that ask the model: more of them would wait for a core."""
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="score")


def score(block: UserBlock, model: LoadedSignature, question: ListQuestion) -> ScoredBlock:
    """Asks the model about a block.

    Raises:
      RuntimeError: The model fails for more users than a few bad records explain.
    """
    parts, rejected = [], []
    for users, answer in _answers(block.users, model, question.n):
        if isinstance(answer, Exception):
            rejected.append(_rejected(users, answer))
            if len(rejected) > MOST_REJECTED:
                raise RuntimeError(f"the model fails for user after user; the last: {rejected[-1].reason}") from answer
        else:
            parts.append((users, answer))
    sources: collections.Counter[str] = collections.Counter()
    for _, answer in parts:
        if contract.SOURCE in answer:
            counted = pc.value_counts(pa.array(answer[contract.SOURCE], pa.binary()))
            sources.update({one["values"].decode(): one["counts"] for one in counted.to_pylist()})
    rows = pa.Table.from_batches([_rows(users, answer, question) for users, answer in parts], question.schema)
    return ScoredBlock(
        rows=one_batch(rows),
        shard=block.shard,
        users=sum(users.num_rows for users, _ in parts),
        sources=dict(sources),
        rejected=tuple(rejected),
    )


def _answers(users: Any, model: LoadedSignature, n: int) -> Iterator[tuple[Any, dict[str, Any] | Exception]]:
    """Answers to a record batch, whole or in parts; an exception for a single user who cannot be answered."""
    try:
        yield users, model(users, n)
        return
    except Exception as error:  # TensorFlow has an error class for every kind of failure
        failure = error
    if users.num_rows == 1:
        yield users, failure
        return
    half = users.num_rows // 2
    yield from _answers(users.slice(0, half), model, n)
    yield from _answers(users.slice(half), model, n)


def _rejected(users: Any, error: Exception) -> Rejected:
    column = {name: users.column(users.schema.get_field_index(name))[0].as_py() for name in (USER_ID, POSITION)}
    return Rejected(
        position=column[POSITION],
        user_id=shown(column[USER_ID]),
        reason=f"the model cannot answer: {cause_of(error)}",
    )


def _rows(users: Any, answer: dict[str, Any], question: ListQuestion) -> Any:
    """Rows of a block: the first `count` columns of every line of the answer."""
    width = answer[contract.ITEM_IDS].shape[1]
    if question.retrieve_only and width < question.n:
        raise InputError(
            f"the bundle's first stage retrieves {width} items",
            expected=f"at most that many with --retrieve-only (the bundle's setting bundle.retrieve_n: {width})",
            received=f"--n {question.n}",
            action="ask for fewer, or leave --retrieve-only out",
        )
    width = min(width, question.n)
    counts = np.minimum(answer[contract.COUNT], width)
    real = np.arange(width)[np.newaxis] < counts[:, np.newaxis]
    owner = pa.array(np.repeat(np.arange(users.num_rows, dtype=np.int32), counts))

    def column(name: str) -> Any:
        return answer[name][:, :width][real]

    user_ids = users.column(users.schema.get_field_index(USER_ID)).cast(pa.string())
    values = [
        user_ids.take(owner),
        pa.array(np.broadcast_to(np.arange(1, width + 1, dtype=np.int32), real.shape)[real]),
        pa.array(column(contract.ITEM_IDS), pa.binary()).cast(pa.string()),
        *([] if question.retrieve_only else [pa.array(column(contract.TITLES), pa.binary()).cast(pa.string())]),
        pa.array(column(contract.SCORES)),
        *([] if question.retrieve_only else [pa.array(column(contract.PREDICTED_RATINGS))]),
        pa.array([question.version], pa.string()).take(pa.array(np.zeros(len(owner), np.int32))),
    ]
    return pa.RecordBatch.from_arrays(values, schema=question.schema)
