"""One loaded version of a model: a session over its SavedModel, as TensorFlow Serving has it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from serving import contract
from serving.calls.batching import Array, Batcher, BatchingConfig, Task
from serving.errors import InvalidRequestError, ServerError, Status, StatusError
from serving.metrics import Metrics
from serving.models.loading import INIT_OPERATION, load
from serving.models.signatures import DEFAULT_SIGNATURE, Signature
from serving.rpc.answers import PredictAnswer
from serving.scann_operations import load_operations

logger = logging.getLogger(__name__)

CALLER_THREAD = -1
SESSION_POOL = 0
FOLLOWS_HISTORY = frozenset({contract.SERVING_DEFAULT, contract.RECOMMEND, contract.EXPLAIN})
"""Signatures whose answers follow from a person's history, and so from events (serving/events/merging.py)."""
MAX_TARGETS = 256
"""Selections of outputs that keep a callable of their own; further ones compute all outputs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SessionConfig:
    """How a version is loaded and run.

    Attributes:
      tags: Tags of the graph to load.
      intra_op_threads: Threads of one operation; 0 = one a core.
      inter_op_threads: Operations of a call at once; 0 = one after the other, in the thread of the call: handing each
        one to a pool costs a small graph three times its work.
      batching: How requests are merged.
      merge: Whether they are.
      max_rows: Most rows of a request.
    """

    tags: tuple[str, ...] = ("serve",)
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    batching: BatchingConfig = dataclasses.field(default_factory=BatchingConfig)
    merge: bool = True
    max_rows: int = 16_384


class Computation:
    """A signature with a selection of its outputs, ready to run.

    Attributes:
      signature: The signature.
      outputs: Aliases of what is computed.
      specs: What is computed.
      answer: Writes it for gRPC.
      call: Arrays in the order of the inputs to arrays in the order of `outputs`.
      pads: Whether rows of a narrow answer may be filled up, as serving/contract.py says of `recommend`.
      user_input: Place of the input with the ids of people, of a question that may follow from their events; else -1.
    """

    __slots__ = (
        "_by_rows",
        "_merge",
        "_width_input",
        "answer",
        "call",
        "outputs",
        "pads",
        "signature",
        "specs",
        "user_input",
    )

    def __init__(
        self, signature: Signature, outputs: tuple[str, ...], call: Any, answer: PredictAnswer, merge: bool
    ) -> None:
        self.signature = signature
        self.outputs = outputs
        self.specs = [signature.outputs[alias] for alias in outputs]
        self.call = call
        self.answer = answer
        self._by_rows = signature.is_mergeable
        self._merge = merge
        aliases = list(signature.inputs)
        # An answer of `recommend` is as wide as the largest n of a call: only equal ones are merged.
        by_width = signature.name == contract.RECOMMEND and contract.N in aliases
        self._width_input = aliases.index(contract.N) if by_width else -1
        self.pads = by_width
        follows = signature.name in FOLLOWS_HISTORY and contract.USER_ID in aliases
        self.user_input = aliases.index(contract.USER_ID) if follows else -1

    def merge_key(self, inputs: Sequence[Array]) -> tuple[int, Any]:
        """Rows of a request and the key of those that it may be merged with; 0 rows = it cannot be cut, either."""
        if not self._by_rows:
            return 0, object()
        first = inputs[0]
        rows = len(first) if first.ndim else 0
        if not rows or any(not array.ndim or len(array) != rows for array in inputs[1:]):
            return 0, object()
        if not self._merge:
            return rows, object()
        shapes = first.shape[1:] if len(inputs) == 1 else tuple(array.shape[1:] for array in inputs)
        width = int(inputs[self._width_input].max()) if self._width_input >= 0 else 0
        return rows, (id(self), shapes, width)


class Servable:
    """One loaded version.

    Args:
      name: The model.
      version: Its number.
      path: Its folder, complete.
      config: How it is loaded and run.
      metrics: Where its calls are counted.

    Raises:
      StatusError: It cannot be loaded.
    """

    def __init__(self, name: str, version: int, path: Path, config: SessionConfig, metrics: Metrics) -> None:
        self.name = name
        self.version = version
        self.version_text = str(version)
        self.path = path
        self.tags = config.tags
        self._merge = config.merge
        self._pool = SESSION_POOL if config.inter_op_threads else CALLER_THREAD
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(
            graph=graph,
            config=tf.compat.v1.ConfigProto(
                intra_op_parallelism_threads=config.intra_op_threads,
                inter_op_parallelism_threads=config.inter_op_threads,
                use_per_session_threads=bool(config.intra_op_threads or config.inter_op_threads),
            ),
        )
        try:
            with tensorflow_errors():
                load_operations(path)
                meta_graph = load(self._session, config.tags, path)
        except BaseException:
            self._session.close()
            raise
        self.signature_defs: dict[str, Any] = dict(meta_graph.signature_def)
        self.signatures = {
            key: Signature.of(key, definition, config.max_rows)
            for key, definition in self.signature_defs.items()
            if key != INIT_OPERATION
        }
        self._lock = threading.Lock()
        self._targets: dict[tuple[str, tuple[str, ...]], Computation] = {}
        self._runtime = metrics.runtime(name, version)
        self._sizes = metrics.sizes(name, version)
        self.batcher = Batcher(self._compute, config.batching, f"{name}-{version}")

    def signature(self, name: str) -> Signature:
        """A signature by name, "" = the default one.

        Raises:
          InvalidRequestError: There is none.
        """
        name = name or DEFAULT_SIGNATURE
        try:
            return self.signatures[name]
        except KeyError:
            raise InvalidRequestError(f'Serving signature name: "{name}" not found in signature def') from None

    def target(self, signature: Signature, outputs: tuple[str, ...]) -> Computation:
        """A signature with a selection of outputs, ready to run."""
        key = (signature.name, outputs)
        target = self._targets.get(key)
        if target is None:
            with self._lock:
                target = self._targets.get(key) or self._new_target(signature, outputs)
                if len(self._targets) < MAX_TARGETS:
                    self._targets[key] = target
        return target

    def task(
        self, target: Computation, inputs: list[Array], done: Any, deadline: float = float("inf"), waiter: Any = None
    ) -> Task:
        """A request for the batcher."""
        rows, key = target.merge_key(inputs)
        return Task(target, inputs, rows, key, done, deadline, waiter, target.pads)

    def close(self, seconds: float = math.inf) -> bool:
        """Answers what is queued and frees the model.

        Args:
          seconds: Most time for it.

        Returns:
          Whether it is done; False where a call still runs, whose model must be left alone.
        """
        if not self.batcher.close(seconds):
            return False
        self._targets.clear()
        self._session.close()
        return True

    def _compute(self, target: Computation, inputs: list[Array]) -> list[Array]:
        started = time.perf_counter()
        with tensorflow_errors():
            outputs: list[Array] = target.call(*inputs)
        self._runtime.observe((time.perf_counter() - started) * 1e6)
        self._sizes.observe(len(inputs[0]) if inputs and inputs[0].ndim else 1)
        return [output if type(output) is np.ndarray else _scalar(output) for output in outputs]

    def _new_target(self, signature: Signature, outputs: tuple[str, ...]) -> Computation:
        # The public make_callable wraps this one and spends 0.13 ms more of every call on looking up what it is fed.
        call = self._session._make_callable_from_options(
            config_pb2.CallableOptions(
                feed=[spec.tensor for spec in signature.inputs.values()],
                fetch=[signature.outputs[alias].tensor for alias in outputs],
                run_options=config_pb2.RunOptions(inter_op_thread_pool=self._pool),
            )
        )
        answer = PredictAnswer(self.name, self.version, signature.name, [signature.outputs[o] for o in outputs])
        return Computation(signature, outputs, call, answer, self._merge)


def _scalar(value: Any) -> Array:
    """A session hands a scalar back as a plain value."""
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)


@contextlib.contextmanager
def tensorflow_errors() -> Iterator[None]:
    """Turns TensorFlow's errors into the statuses that they stand for."""
    try:
        yield
    except StatusError:
        raise
    except tf.errors.OpError as error:
        message = _NODES.sub("", str(error.message)).strip()
        raise StatusError.of(_STATUSES.get(error.error_code, Status.UNKNOWN), message) from error
    except Exception as error:
        raise ServerError(f"{type(error).__name__}: {error}") from error


_STATUSES = {status.number: status for status in Status}
_NODES = re.compile(r"\s*\[\[\{\{.*?\}\}\]\]|\{\{(?:function_)?node [^}]*\}\}\s*")
"""Names of nodes of the graph: they tell a caller nothing, and stand in front of what does."""
