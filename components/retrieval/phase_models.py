"""The models of one phase: by one loss, or by two where rows have no order, with what is counted beside them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from components.examples import MarkedRows
from components.retrieval import fitting
from components.retrieval.config import RetrievalConfig
from components.retrieval.counting import Member, with_repeats, with_softmax, with_transitions
from components.retrieval.fitting import fit, refit
from components.retrieval.model import TwoTowerModel
from components.retrieval.repeats import Repeats
from components.retrieval.training_data import TrainingData, is_mixed, softmax_beside, training_data
from components.retrieval.weights import tables_of
from components.training.phases import Phase
from components.training.replicas import Replicas
from components.training.training_log import TrainingLog
from components.training.warm_start import Start, Tables, WeightTable, new_rows
from components.transform.graph import TransformGraph

SOFTMAX = "softmax."
"""What stands before the names of tables of models that the softmax trains beside one by the squared error."""


class PhaseModels:
    """The models of one phase, and what is added to their scores.

    Args:
      config: Of the models.
      phase: The rows that they learn from.
      marked: Marked rows of the eval split; None: nobody looks at any.
      graph: Knows the vocabularies.
      warm: Weights to start from; None: they are drawn.
      replicas: How the work is spread.
      final: Whether the phase has all rows.
      repeats: Whether a list may hold what a user has had before.

    Attributes:
      data: What the models are trained on, where there are two losses that by the squared error.
      count: Models that are trained.
      newest: Unix seconds of the newest row that they learn from; 0: rows have no times.
    """

    def __init__(
        self,
        config: RetrievalConfig,
        phase: Phase,
        marked: MarkedRows | None,
        graph: TransformGraph,
        warm: Start | None,
        replicas: Replicas,
        *,
        final: bool,
        repeats: bool,
    ) -> None:
        self._graph, self._warm, self._replicas = graph, warm, replicas
        data = training_data(config, phase, marked, repeats=repeats)
        new = new_rows(warm, phase.sequences.liked(phase.liked_from), final=final)
        other = softmax_beside(config, data)
        # The squared error has one optimum, near which all seeds end: the seeds are the softmax's where both are meant.
        main = dataclasses.replace(config, seeds=1) if is_mixed(config, data) else config
        self.data = dataclasses.replace(data, new=new)
        self._main = main, self.data
        self._other = None if other is None else (other, training_data(other, phase, marked, repeats=repeats))
        self._models: list[TwoTowerModel] = []
        self._others: list[TwoTowerModel] = []
        self.count = main.seeds + (0 if other is None else other.seeds)
        self.newest = int(data.sequences.timestamps.max(initial=0))

    def fit(self, log: TrainingLog) -> None:
        """Trains as long as the eval rows say."""
        self._models = fit(*self._main, log, self._replicas, self._start(self.data))
        if self._other is not None:
            start = self._start(self._other[1], SOFTMAX)
            self._others = fit(*self._other, log, self._replicas, start, len(self._models))

    def refit(self, log: TrainingLog, epochs: Sequence[int]) -> None:
        """Trains for as many epochs as are told."""
        main = self._main[0].seeds
        self._models = refit(*self._main, epochs[:main], log, self._replicas, self._start(self.data))
        if self._other is not None:
            start = self._start(self._other[1], SOFTMAX)
            self._others = refit(*self._other, epochs[main:], log, self._replicas, start, main)

    def members(self, config: RetrievalConfig) -> tuple[list[Member], Repeats | None, RetrievalConfig]:
        """What is exported, what raises scores, and the configuration with the weights that were taken."""
        data = self.data
        members, config = with_softmax(config, data, self._models, self._others)
        members, config = with_transitions(config, data, members)
        again, config = with_repeats(config, data, members)
        return members, again, config

    def tables(self) -> list[Tables]:
        """The tables of all models, those of the ones beside them among them."""
        tables: list[Tables] = []
        for model, other in itertools.zip_longest(self._models, self._others):
            of_model = {} if model is None else self._tables(model, self.data)
            of_other = {} if other is None or self._other is None else self._tables(other, self._other[1], SOFTMAX)
            tables.append({**of_model, **of_other})
        return tables

    def _start(self, data: TrainingData, prefix: str = "") -> fitting.Start | None:
        warm = self._warm
        if warm is None:
            return None
        return lambda model, number: warm.put(self._tables(model, data, prefix), number)

    def _tables(self, model: TwoTowerModel, data: TrainingData, prefix: str = "") -> dict[str, WeightTable]:
        users = None if data.users is None else data.users.content
        return {prefix + name: table for name, table in tables_of(model, data.content, self._graph, users).items()}
