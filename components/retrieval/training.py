"""`run_fn` of the RetrievalTrainer: from the artifacts of earlier stages to a SavedModel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.examples import AskedUsers, MarkedRows, read_catalogue, read_marked_rows
from components.retrieval.auto import resolve
from components.retrieval.config import RetrievalConfig
from components.retrieval.content import catalogue_items, item_content
from components.retrieval.export import RetrievalExport
from components.retrieval.fitting import METRIC, TrainingData, fit, least_ratings, refit
from components.retrieval.model import TwoTowerModel
from components.seen_rule import ALWAYS
from components.settings import from_json
from components.training.config import NONE
from components.training.epoch_history import EpochHistory
from components.training.inputs import CONFIG, FINAL_EPOCHS, LEAVE_OUT_SEEN, MOVIES, STRATEGY
from components.training.phases import Phase, read_phases
from components.training.replicas import create_replicas
from components.training.settings_file import write_settings
from components.training.training_log import TrainingLog
from components.transform.graph import TransformGraph


def run_fn(fn_args: Any) -> None:
    """Trains and exports the retrieval model.

    Args:
      fn_args: TFX's FnArgs; `custom_config` as components/training/inputs.py says.
    """
    replicas = create_replicas(fn_args.custom_config.get(STRATEGY, NONE))  # before anything is computed
    config = from_json(RetrievalConfig, fn_args.custom_config[CONFIG])
    graph = TransformGraph(fn_args.transform_output)
    catalogue = read_catalogue(fn_args.custom_config[MOVIES])
    choosing, final = read_phases(fn_args.custom_config, graph, catalogue)
    final_epochs = fn_args.custom_config.get(FINAL_EPOCHS)
    repeats = fn_args.custom_config.get(LEAVE_OUT_SEEN, ALWAYS) != ALWAYS
    marked = None if final_epochs else read_marked_rows(fn_args.eval_files, catalogue.movie_ids)
    config = resolve(config, choosing.sequences.liked(choosing.liked_from).movies)
    data = training_data(config, graph, choosing, marked, repeats=repeats)
    history = EpochHistory(fn_args.model_run_dir, METRIC, config.seed)
    log = TrainingLog(METRIC, epochs=config.epochs, higher_is_better=True, models=config.seeds, history=history)

    def anew(data: TrainingData, epochs: Sequence[int]) -> list[TwoTowerModel]:
        return [
            refit(config, data, config.seed + number, most, log, number + 1, replicas)
            for number, most in enumerate(epochs)
        ]

    if final_epochs:
        models = anew(data, log.begin_final(final_epochs))
    else:
        models = [fit(config, data, config.seed + number, log, number + 1, replicas) for number in range(config.seeds)]
    if final is not None:
        data = training_data(config, graph, final, marked, repeats=repeats)
        models = anew(data, log.begin_refit())
    RetrievalExport(models, data.content, graph, config.history_length).save(fn_args.serving_model_dir)
    log.write(fn_args.model_run_dir)
    history.write()
    write_settings(config, fn_args.model_run_dir)


def training_data(
    config: RetrievalConfig, graph: TransformGraph, phase: Phase, marked: MarkedRows | None, *, repeats: bool = False
) -> TrainingData:
    """Puts together what the model is trained on: rows that are no dislikes.

    Args:
      config: Of the model.
      graph: The transform graph.
      phase: Which rows are seen.
      marked: Marked rows of the eval split; None: nobody looks at any.
      repeats: Whether a list may hold what a user has had before.
    """
    movies = phase.movies
    liked = phase.sequences.liked(phase.liked_from)
    rows = liked.movies.rows[liked.movies.rows >= 0]
    frequencies = np.bincount(movies.movie_index[rows], minlength=len(phase.frequencies))
    least = least_ratings(config, liked.movies, len(movies.movie_index))
    content = item_content(movies.title_word_indices, frequencies, graph.vocabulary_sizes, least)
    return TrainingData(
        content=content,
        items=catalogue_items(content, movies),
        counts=frequencies[movies.movie_index],
        sequences=liked.movies,
        marked=None if marked is None else AskedUsers.of(marked, liked),
        repeats=repeats,
    )
