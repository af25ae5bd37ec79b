"""`run_fn` of the RetrievalTrainer: from the artifacts of earlier stages to a SavedModel."""

from __future__ import annotations

from typing import Any

from components.examples import MarkedRows, read_catalogue, read_marked_rows
from components.retrieval.config import RetrievalConfig
from components.retrieval.content import catalogue_items, item_content
from components.retrieval.export import RetrievalExport
from components.retrieval.fitting import METRIC, TrainingData, fit, least_ratings, refit
from components.settings import from_json
from components.training.config import NONE
from components.training.epoch_history import EpochHistory
from components.training.inputs import CONFIG, MOVIES, STRATEGY
from components.training.phases import Phase, read_phases
from components.training.replicas import create_replicas
from components.training.training_log import TrainingLog
from components.transform.graph import TransformGraph


def run_fn(fn_args: Any) -> None:
    """Trains and exports the retrieval model.

    Args:
      fn_args: TFX's FnArgs; `custom_config` holds `config` (RetrievalConfig as JSON) and file
        patterns of `movies` and `sequences`, and of `refit_sequences` where the model is to be trained
        anew on train + eval.
    """
    replicas = create_replicas(fn_args.custom_config.get(STRATEGY, NONE))  # before anything is computed
    config = from_json(RetrievalConfig, fn_args.custom_config[CONFIG])
    graph = TransformGraph(fn_args.transform_output)
    catalogue = read_catalogue(fn_args.custom_config[MOVIES])
    choosing, final = read_phases(fn_args.custom_config, graph, catalogue)
    marked = read_marked_rows(fn_args.eval_files, catalogue.movie_ids)
    data = training_data(config, graph, choosing, marked)
    history = EpochHistory(fn_args.model_run_dir, METRIC, config.seed)
    log = TrainingLog(METRIC, epochs=config.epochs, higher_is_better=True, models=config.seeds, history=history)
    models = [fit(config, data, config.seed + number, log, number + 1, replicas) for number in range(config.seeds)]
    if final is not None:
        data = training_data(config, graph, final, marked)
        models = [
            refit(config, data, config.seed + number, epochs, log, number + 1, replicas)
            for number, epochs in enumerate(log.begin_refit())
        ]
    RetrievalExport(models, data.content, graph, config.history_length).save(fn_args.serving_model_dir)
    log.write(fn_args.model_run_dir)
    history.write()


def training_data(config: RetrievalConfig, graph: TransformGraph, phase: Phase, marked: MarkedRows) -> TrainingData:
    """Puts together what the model is trained on."""
    movies, frequencies = phase.movies, phase.frequencies
    least = least_ratings(config, phase.sequences.movies, len(movies.movie_index))
    content = item_content(movies.title_word_indices, frequencies, graph.vocabulary_sizes, least)
    return TrainingData(
        content=content,
        items=catalogue_items(content, movies),
        counts=frequencies[movies.movie_index],
        sequences=phase.sequences.movies,
        marked=marked,
    )
