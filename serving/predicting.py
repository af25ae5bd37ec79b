"""A PredictRequest answered from a thread that may wait: gRPC, warm-up."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from serving.batching import Array, Task
from serving.errors import DeadlineExceededError, InvalidRequestError, Status, StatusError
from serving.servable import Servable, Target
from serving.signatures import DEFAULT_SIGNATURE, Signature
from serving.tensors import from_proto


def predict(servable: Servable, request: Any, seconds: float | None = None) -> tuple[Target, list[Array]]:
    """Computes a PredictRequest.

    Args:
      servable: The version that answers.
      request: tensorflow.serving.PredictRequest.
      seconds: Time limit.

    Returns:
      What was computed, and its outputs.

    Raises:
      StatusError: It is refused, or cannot be computed.
      ClosedError: The version is being unloaded.
    """
    signature = grpc_signature(servable, request.model_spec.signature_name)
    arrays = signature.check({alias: from_proto(proto, alias) for alias, proto in request.inputs.items()})
    target = servable.target(signature, signature.check_outputs(list(request.output_filter)))
    return target, compute(servable, target, arrays, seconds)


def grpc_signature(servable: Servable, name: str) -> Signature:
    """A signature by name, with the error that gRPC clients know.

    Raises:
      InvalidRequestError: FAILED_PRECONDITION; over REST the same mistake is INVALID_ARGUMENT.
    """
    name = name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise InvalidRequestError(f'Serving signature key "{name}" not found.', Status.FAILED_PRECONDITION)
    return signature


def compute(servable: Servable, target: Target, arrays: list[Array], seconds: float | None = None) -> list[Array]:
    """Runs a call through the version's batcher and waits for it.

    Args:
      servable: The version.
      target: What to compute.
      arrays: In the order of the inputs.
      seconds: Time limit; None waits as long as it takes.

    Raises:
      StatusError: It cannot be computed, or not in time.
      ClosedError: The version is being unloaded.
    """
    waiting = Waiting(servable, target, arrays, seconds)
    return waiting.outputs()


class Waiting:
    """A request for whose answer a thread waits; it is computed in this thread where the version is idle.

    Args:
      servable: The version.
      target: What to compute.
      arrays: In the order of the inputs.
      seconds: Time limit; None waits as long as it takes.

    Raises:
      UnavailableError: The queue is full.
      ClosedError: The version is being unloaded.
    """

    def __init__(self, servable: Servable, target: Target, arrays: list[Array], seconds: float | None = None) -> None:
        self._seconds = -1 if seconds is None else max(0.0, min(seconds, threading.TIMEOUT_MAX))
        deadline = float("inf") if seconds is None else time.monotonic() + seconds
        # A bare lock is the cheapest thing that a thread can wait for.
        lock = threading.Lock()
        lock.acquire()
        self._task = servable.task(target, arrays, _release, deadline, lock)
        self._is_computed = servable.batcher.run_or_submit(self._task)

    def abandon(self) -> None:
        """Nobody waits any more: it is not computed, if it has not been yet."""
        self._task.abandoned = True
        _release([self._task])

    def outputs(self) -> list[Array]:
        """Waits for the answer."""
        task = self._task
        if not self._is_computed and not task.waiter.acquire(timeout=self._seconds):
            task.abandoned = True
            raise DeadlineExceededError("Timed out waiting for the answer of the model")
        if task.error is not None:
            raise task.error
        if task.outputs is None:
            raise StatusError.of(Status.CANCELLED, "The caller went away")
        return task.outputs


def _release(tasks: list[Task]) -> None:
    for task in tasks:
        with contextlib.suppress(RuntimeError):  # released already: abandoned while it was computed
            task.waiter.release()
