"""`run_fn` of the RetrievalTrainer: from the artifacts of earlier stages to a SavedModel."""

from __future__ import annotations

import dataclasses
from typing import Any

from components.examples import read_catalogue, read_marked_rows
from components.feature_specs import CONTEXT, of, specs_from_json
from components.retrieval.auto import resolve
from components.retrieval.config import RetrievalConfig
from components.retrieval.counting import with_repeats, with_transitions
from components.retrieval.export import RetrievalExport
from components.retrieval.fitting import Start, fit, refit
from components.retrieval.judging import METRIC
from components.retrieval.model import TwoTowerModel
from components.retrieval.training_data import TrainingData, training_data
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
from components.training.phases import read_phases
from components.training.replicas import create_replicas
from components.training.settings_file import write_settings
from components.training.training_log import TrainingLog
from components.training.warm_start import Tables, most_epochs, new_rows, read_start, write_weights
from components.transform.graph import TransformGraph


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
    config = resolve(config, choosing.sequences.liked(choosing.liked_from).items)
    warm = read_start(fn_args.custom_config, fn_args.model_run_dir)
    epochs = most_epochs(warm, fn_args.custom_config, config.epochs)
    if warm is not None:
        config = dataclasses.replace(config, epochs=max(1, epochs), eval_every=1)
    data = training_data(config, choosing, marked, repeats=repeats)
    liked = choosing.sequences.liked(choosing.liked_from)
    data = dataclasses.replace(data, new=new_rows(warm, liked, final=final_epochs is not None))
    history = EpochHistory(fn_args.model_run_dir, METRIC, config.seed)
    log = TrainingLog(METRIC, epochs=epochs, higher_is_better=True, models=config.seeds, history=history)

    def tables(model: TwoTowerModel, data: TrainingData) -> Tables:
        return tables_of(model, data.content, graph, None if data.users is None else data.users.content)

    def start(data: TrainingData) -> Start | None:
        return None if warm is None else lambda model, number: warm.put(tables(model, data), number)

    if final_epochs:
        models = refit(config, data, log.begin_final(final_epochs), log, replicas, start(data))
    elif not epochs:
        models = refit(config, data, [0] * config.seeds, log, replicas, start(data))
    else:
        models = fit(config, data, log, replicas, start(data))
    vectors, config = with_transitions(config, data, models)
    again, config = with_repeats(config, data, vectors)
    if final is not None:
        data = training_data(config, final, marked, repeats=repeats)
        models = refit(config, data, log.begin_refit(), log, replicas, start(data))
        vectors, config = with_transitions(config, data, models)
        again, config = with_repeats(config, data, vectors)
    export = RetrievalExport(vectors, graph, config.history_length, choosing.users, again)
    export.save(fn_args.serving_model_dir)
    split = fn_args.custom_config.get(SPLIT, "")
    newest = int(data.sequences.timestamps.max(initial=0))
    write_weights(fn_args.serving_model_dir, [tables(model, data) for model in models], split, newest)
    log.write(fn_args.model_run_dir)
    history.write()
    write_settings(config, fn_args.model_run_dir)
