"""Copies of a model that are trained side by side, each on its part of every batch (tf.distribute)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from components.errors import InputError
from components.examples import Longs
from components.training.config import MIRRORED, MULTI_WORKER, NONE

CLUSTER = "TF_CONFIG"


class Replicas:
    """One copy, or several that hold the same weights.

    The batch is what the configuration says, however many replicas there are: each takes an equal part,
    and their gradients are added up. That is the mean over the batch times the number of replicas, and
    Adam's steps do not depend on such a factor.

    Args:
      strategy: A tf.distribute strategy; None: the only replica is this process.
    """

    def __init__(self, strategy: Any = None) -> None:
        self._strategy = strategy or tf.distribute.get_strategy()
        self.count = int(self._strategy.num_replicas_in_sync)
        self.distributed = strategy is not None

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Variables that are made inside are the same on every replica."""
        scope: contextlib.AbstractContextManager[Any] = self._strategy.scope()
        return scope if self.distributed else contextlib.nullcontext()

    def local_parts(self, rows: int) -> list[Longs]:
        """Positions `0 … rows - 1`, as the replicas of this process part them; no part is ever empty."""
        positions = np.resize(np.arange(rows), max(rows, self.count))
        parts = np.array_split(positions, self.count)
        return parts[self._first : self._first + self._local]

    def step(self, replica_step: Callable[[Any], Any], signature: Any) -> Callable[..., Any]:
        """The step on all replicas at once, called with a batch for each local one; the mean of what it returns."""

        def chosen(*batches: Any) -> Any:
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return replica_step(batches[int(tf.get_static_value(number)) - self._first])

        @tf.function(input_signature=[signature] * self._local, autograph=False)  # type: ignore[misc]
        def everywhere(*batches: Any) -> Any:
            results = self._strategy.run(chosen, args=batches)
            return self._strategy.reduce(tf.distribute.ReduceOp.MEAN, results, axis=None)

        return everywhere  # type: ignore[no-any-return]

    def plain(self, trained: Any, build: Callable[[], Any]) -> Any:
        """The trained model as one that knows nothing of replicas, for whoever exports it."""
        if not self.distributed:
            return trained
        model = build()
        for variable, value in zip(model.trainable_variables, trained.trainable_variables, strict=True):
            variable.assign(value.numpy())
        return model

    @property
    def _local(self) -> int:
        """Replicas in this process."""
        return self.count // self._workers

    @property
    def _workers(self) -> int:
        resolver = self._strategy.cluster_resolver if self.distributed else None
        return (
            max(1, sum(len(addresses) for addresses in resolver.cluster_spec().as_dict().values())) if resolver else 1
        )

    @property
    def _first(self) -> int:
        """Number of the first replica in this process."""
        resolver = self._strategy.cluster_resolver if self.distributed else None
        if not resolver:
            return 0
        before = 1 if resolver.task_type == "worker" and "chief" in resolver.cluster_spec().as_dict() else 0
        return (before + int(resolver.task_id or 0)) * self._local


def create_replicas(strategy: str) -> Replicas:
    """The replicas that `training.strategy` names.

    Must come before the first operation of the process where there are several workers.

    Raises:
      InputError: Several workers are asked for, and TF_CONFIG does not say which, or it is too late.
    """
    if strategy == NONE:
        return Replicas()
    if strategy == MIRRORED:
        return Replicas(tf.distribute.MirroredStrategy())
    if not os.environ.get(CLUSTER):
        raise InputError(
            f"training.strategy = {MULTI_WORKER} needs to know its workers",
            expected=CLUSTER + '={"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}',
            received=f"no {CLUSTER} in the environment",
            action=f"start a process on every machine with its {CLUSTER} (on Kubernetes a TFJob does), or "
            f"set training.strategy={NONE}",
        )
    try:
        return Replicas(tf.distribute.MultiWorkerMirroredStrategy())
    except RuntimeError as error:
        raise InputError(
            f"training.strategy = {MULTI_WORKER} cannot start: {error}",
            expected="a process of its own for the trainer, as on Kubeflow",
            received="a process that has used TensorFlow already, as `recommender run` has",
            action=f"run the step by its container command, or set training.strategy={NONE}",
        ) from error


def is_chief() -> bool:
    """Whether what this process writes is what counts: alone, the chief, or the first worker without a chief."""
    config = json.loads(os.environ.get(CLUSTER) or "{}")
    task = config.get("task", {})
    if task.get("type", "chief") == "chief":
        return True
    return "chief" not in config.get("cluster", {}) and int(task.get("index", 0)) == 0
