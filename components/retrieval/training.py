"""`run_fn` of the RetrievalTrainer: from the artifacts of earlier stages to a SavedModel."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from components.examples import MarkedRows, read_catalogue, read_marked_rows
from components.feature_specs import CONTEXT, of, specs_from_json
from components.retrieval import fitting
from components.retrieval.auto import resolve
from components.retrieval.config import RetrievalConfig
from components.retrieval.counting import Member, with_repeats, with_softmax, with_transitions
from components.retrieval.export import RetrievalExport
from components.retrieval.fitting import fit, refit
from components.retrieval.judging import METRIC
from components.retrieval.model import TwoTowerModel
from components.retrieval.repeats import Repeats
from components.retrieval.training_data import TrainingData, is_mixed, softmax_beside, training_data
from components.retrieval.weights import tables_of
from components.seen_rule import ALWAYS
from components.settings import from_json
from components.training.config import NONE
from components.training.epoch_history import EpochHistory
from components.training.inputs import (
    CONFIG,
    FEATURES,
    FINAL_EPOCHS,
    ITEMS,
    LEAVE_OUT_SEEN,
    SPLIT,
    STRATEGY,
)
from components.training.phases import Phase, read_phases
from components.training.replicas import Replicas, create_replicas
from components.training.settings_file import write_settings
from components.training.training_log import TrainingLog
from components.training.warm_start import Start, Table, Tables, most_epochs, new_rows, read_start, write_weights
from components.transform.graph import TransformGraph

SOFTMAX = "softmax."
"""Before the names of tables of models by the softmax beside one by the squared error."""


def run_fn(fn_args: Any) -> None:
    """Trains and exports the retrieval model.

    Args:
      fn_args: TFX's FnArgs; `custom_config` as components/training/inputs.py says.
    """
    replicas = create_replicas(fn_args.custom_config.get(STRATEGY, NONE))  # before anything is computed
    config = from_json(RetrievalConfig, fn_args.custom_config[CONFIG])
    graph = TransformGraph(fn_args.transform_output, specs_from_json(fn_args.custom_config[FEATURES]))
    catalogue = read_catalogue(fn_args.custom_config[ITEMS])
    choosing, final = read_phases(fn_args.custom_config, graph, catalogue)
    final_epochs = fn_args.custom_config.get(FINAL_EPOCHS)
    repeats = fn_args.custom_config.get(LEAVE_OUT_SEEN, ALWAYS) != ALWAYS
    marked = (
        None if final_epochs else read_marked_rows(fn_args.eval_files, catalogue.item_ids, of(graph.specs, CONTEXT))
    )
    config = resolve(config, choosing.sequences.liked(choosing.liked_from).items, len(catalogue))
    warm = read_start(fn_args.custom_config, fn_args.model_run_dir)
    epochs = most_epochs(warm, fn_args.custom_config, config.epochs)
    if warm is not None:
        config = dataclasses.replace(config, epochs=max(1, epochs), eval_every=1)
    trainings = _Trainings(config, choosing, marked, graph, warm, replicas, final=bool(final_epochs), repeats=repeats)
    history = EpochHistory(fn_args.model_run_dir, METRIC, config.seed)
    log = TrainingLog(METRIC, epochs=epochs, higher_is_better=True, models=trainings.count, history=history)
    if final_epochs:
        trainings.refit(log, log.begin_final(final_epochs))
    elif not epochs:
        trainings.refit(log, [0] * trainings.count)
    else:
        trainings.fit(log)
    members, again, config = trainings.members(config)
    if final is not None:
        trainings = _Trainings(config, final, marked, graph, warm, replicas, final=False, repeats=repeats)
        trainings.refit(log, log.begin_refit())
        members, again, config = trainings.members(config)
    export = RetrievalExport(members, graph, config.history_length, choosing.users, again)
    export.save(fn_args.serving_model_dir)
    split = fn_args.custom_config.get(SPLIT, "")
    write_weights(fn_args.serving_model_dir, trainings.tables(), split, trainings.newest)
    log.write(fn_args.model_run_dir)
    history.write()
    write_settings(config, fn_args.model_run_dir)


class _Trainings:
    """The trainings on the rows of one phase: of the models, and where rows have no order of others beside them.

    Attributes:
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
        self._main = main, dataclasses.replace(data, new=new)
        self._other = None if other is None else (other, training_data(other, phase, marked, repeats=repeats))
        self._models: list[TwoTowerModel] = []
        self._others: list[TwoTowerModel] = []
        self.count = main.seeds + (0 if other is None else other.seeds)
        self.newest = int(data.sequences.timestamps.max(initial=0))

    def fit(self, log: TrainingLog) -> None:
        """Trains as long as the eval rows say."""
        self._models = fit(*self._main, log, self._replicas, self._start(self._main[1]))
        if self._other is not None:
            start = self._start(self._other[1], SOFTMAX)
            self._others = fit(*self._other, log, self._replicas, start, len(self._models))

    def refit(self, log: TrainingLog, epochs: Sequence[int]) -> None:
        """Trains for as many epochs as are told."""
        main = self._main[0].seeds
        self._models = refit(*self._main, epochs[:main], log, self._replicas, self._start(self._main[1]))
        if self._other is not None:
            start = self._start(self._other[1], SOFTMAX)
            self._others = refit(*self._other, epochs[main:], log, self._replicas, start, main)

    def members(self, config: RetrievalConfig) -> tuple[list[Member], Repeats | None, RetrievalConfig]:
        """What is exported, what raises scores, and the configuration with the weights that were taken."""
        data = self._main[1]
        members, config = with_softmax(config, data, self._models, self._others)
        members, config = with_transitions(config, data, members)
        again, config = with_repeats(config, data, members)
        return members, again, config

    def tables(self) -> list[Tables]:
        """The tables of all models, those of the ones beside them among them."""
        tables: list[Tables] = []
        for model, other in itertools.zip_longest(self._models, self._others):
            of_model = {} if model is None else self._tables(model, self._main[1])
            of_other = {} if other is None or self._other is None else self._tables(other, self._other[1], SOFTMAX)
            tables.append({**of_model, **of_other})
        return tables

    def _start(self, data: TrainingData, prefix: str = "") -> fitting.Start | None:
        warm = self._warm
        if warm is None:
            return None
        return lambda model, number: warm.put(self._tables(model, data, prefix), number)

    def _tables(self, model: TwoTowerModel, data: TrainingData, prefix: str = "") -> dict[str, Table]:
        users = None if data.users is None else data.users.content
        return {prefix + name: table for name, table in tables_of(model, data.content, self._graph, users).items()}
