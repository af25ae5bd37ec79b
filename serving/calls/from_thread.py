"""Requests answered in a thread that may wait: warm-up, Classify and Regress."""

from __future__ import annotations

import threading
import time
from typing import Any

from serving.calls.batching import Array, Task
from serving.errors import DeadlineExceededError, InvalidRequestError, Status
from serving.models.servable import Computation, Servable
from serving.models.signatures import DEFAULT_SIGNATURE, Signature
from serving.rpc.tensors import from_proto


def predict(servable: Servable, request: Any, seconds: float | None = None) -> tuple[Computation, list[Array]]:
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
    target, arrays = asked(servable, request)
    return target, compute(servable, target, arrays, seconds)


def asked(servable: Servable, request: Any) -> tuple[Computation, list[Array]]:
    """What a PredictRequest asks of a version: what to compute, and its inputs.

    Raises:
      StatusError: It does not fit the version.
    """
    signature = grpc_signature(servable, request.model_spec.signature_name)
    arrays = signature.check({alias: from_proto(proto, alias) for alias, proto in request.inputs.items()})
    return servable.target(signature, signature.check_outputs(list(request.output_filter))), arrays


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


def compute(servable: Servable, target: Computation, arrays: list[Array], seconds: float | None = None) -> list[Array]:
    """Runs a call through the version's batcher and waits for it; in this thread where the version is idle.

    Args:
      servable: The version.
      target: What to compute.
      arrays: In the order of the inputs.
      seconds: Time limit; None waits as long as it takes.

    Raises:
      StatusError: The queue is full, or it cannot be computed, or not in time.
      ClosedError: The version is being unloaded.
    """
    deadline = float("inf") if seconds is None else time.monotonic() + seconds
    # A bare lock is the cheapest thing that a thread can wait for.
    lock = threading.Lock()
    lock.acquire()
    task = servable.task(target, arrays, _release, deadline, lock)
    if not servable.batcher.run_or_submit(task):
        timeout = -1 if seconds is None else max(0.0, min(seconds, threading.TIMEOUT_MAX))
        if not lock.acquire(timeout=timeout):
            task.abandoned = True
            raise DeadlineExceededError("Timed out waiting for the answer of the model")
    if task.error is not None:
        raise task.error
    assert task.outputs is not None
    return task.outputs


def _release(tasks: list[Task]) -> None:
    for task in tasks:
        task.waiter.release()
