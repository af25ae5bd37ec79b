"""`run_fn` of the RetrievalTrainer: from the artifacts of earlier stages to a SavedModel."""

from __future__ import annotations

import dataclasses
from typing import Any

from components.examples import read_catalogue, read_marked_rows
from components.feature_specs import CONTEXT, of, specs_from_json
from components.retrieval.auto import resolve
from components.retrieval.config import RetrievalConfig
from components.retrieval.export import RetrievalExport
from components.retrieval.judging import METRIC
from components.retrieval.phase_models import PhaseModels
from components.seen_rule import ALWAYS
from components.settings import from_json
from components.training.config import NONE
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
from components.training.warm_start import most_epochs, read_start, write_weights
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
    config = resolve(config, choosing.sequences.liked(choosing.liked_from).items, len(catalogue))
    warm = read_start(fn_args.custom_config, fn_args.model_run_dir)
    epochs = most_epochs(warm, fn_args.custom_config, config.epochs)
    if warm is not None:
        config = dataclasses.replace(config, epochs=max(1, epochs), eval_every=1)
    models = PhaseModels(config, choosing, marked, graph, warm, replicas, final=bool(final_epochs), repeats=repeats)
    log = TrainingLog(
        METRIC,
        epochs=epochs,
        higher_is_better=True,
        models=models.count,
        folder=fn_args.model_run_dir,
        seed=config.seed,
    )
    if final_epochs or not epochs:
        models.refit(log, log.begin_final(final_epochs) if final_epochs else [0] * models.count)
    else:
        models.fit(log)
    members, again, config = models.members(config)
    if final is not None:
        models = PhaseModels(config, final, marked, graph, warm, replicas, final=False, repeats=repeats)
        models.refit(log, log.begin_refit())
        members, again, config = models.members(config)
    export = RetrievalExport(members, graph, config.history_length, choosing.users, again)
    export.save(fn_args.serving_model_dir)
    split = fn_args.custom_config.get(SPLIT, "")
    write_weights(fn_args.serving_model_dir, models.tables(), split, models.newest)
    log.write()
    write_settings(config, fn_args.model_run_dir)
