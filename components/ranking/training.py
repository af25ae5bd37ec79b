"""`run_fn` of the RankingTrainer: from ingestion's files to the exported rating model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from components import progress
from components.errors import InputError
from components.examples import Catalogue, Floats, Strings, evenly_spread, read_catalogue, read_interactions
from components.feature_specs import specs_from_json
from components.ranking.auto import resolve
from components.ranking.config import RankingConfig
from components.ranking.fitting import MAE, RMSE, fit, predict, refit
from components.ranking.item_features import ItemFeatures, content_features
from components.ranking.known_ratings import KnownRatings, RatingRows, held_out_rows, known_ratings
from components.ranking.ranker import Ranker, save
from components.ranking.rating_model import RatingModel
from components.ranking.weights import tables_of
from components.settings import from_json
from components.training.config import NONE
from components.training.inputs import CONFIG, FEATURES, FINAL_EPOCHS, ITEMS, SPLIT, STRATEGY
from components.training.phases import Phase, read_phases
from components.training.replicas import create_replicas
from components.training.settings_file import write_settings
from components.training.training_log import TrainingLog
from components.training.warm_start import Tables, most_epochs, new_rows, read_start, write_weights
from components.transform.graph import TransformGraph

LINES = 10
"""Lines of progress of a model: epochs are short, and there are hundreds."""
WARM_STEP, WARM_STEPS, WARM_BATCH = 0.5, 10, 8_192
"""Of a training that starts from others' weights: share of the step size, least steps an epoch, rows below which a step
is not cut."""
WARM_REPLAY, WARM_ROWS = 10, 500_000
"""Of such a training: rows of an epoch for each row that the weights do not know, and least rows of an epoch: a night
costs what the day brought, and not what the years did."""
JUDGED_ROWS = 1_000_000
"""Training rows, evenly spread, for which predictions are compared with what was learned: of so many RMSE is known to
a thousandth, and to predict all of 20 million took longer than to learn from 8 million."""


def run_fn(fn_args: Any) -> None:
    """Trains the rating model and writes it to `fn_args.serving_model_dir`.

    Args:
      fn_args: TFX FnArgs. Read are eval_files, transform_output, serving_model_dir, model_run_dir and
        custom_config (components/training/inputs.py).
    """
    replicas = create_replicas(fn_args.custom_config.get(STRATEGY, NONE))  # before anything is computed
    graph = TransformGraph(fn_args.transform_output, specs_from_json(fn_args.custom_config[FEATURES]))
    catalogue = read_catalogue(fn_args.custom_config[ITEMS])
    choosing, final = read_phases(fn_args.custom_config, graph, catalogue)
    final_epochs = fn_args.custom_config.get(FINAL_EPOCHS)
    rows = len(choosing.sequences.items.rows)
    if not rows:
        raise InputError("there are no training ratings", expected="at least one", received="0")
    config = settings = resolve(from_json(RankingConfig, fn_args.custom_config[CONFIG]), rows)
    warm = read_start(fn_args.custom_config, fn_args.model_run_dir)
    epochs = most_epochs(warm, fn_args.custom_config, config.epochs)
    new = new_rows(warm, choosing.sequences, final=final_epochs is not None)
    if warm is not None:
        config = warm_config(config, epochs, rows, len(new))
    log = _log(config, epochs, fn_args.model_run_dir)
    items, known = lay_out(config, graph, choosing)
    known = dataclasses.replace(known, new=new)

    def tables(model: RatingModel) -> Tables:
        return tables_of(model, graph, choosing.content, choosing.users)

    start = None if warm is None else lambda model, number: warm.put(tables(model), number)
    if final_epochs or not epochs:
        exactly = log.begin_final(final_epochs) if final_epochs else [0] * config.seeds
        models = refit(config, items, known, exactly, log.add, replicas, start)
    else:
        eval_rows = _eval_rows(fn_args.eval_files, catalogue, choosing.sequences.user_ids)
        models = fit(config, items, known, eval_rows, log.add, replicas, start)
        if config.seeds > 1 and len(eval_rows):
            _tell_average(log, predict(models, known, eval_rows, config.batch_size) - eval_rows.ratings, config.seeds)
    if final is not None:
        items, known = lay_out(config, graph, final)
        models = refit(config, items, known, log.begin_refit(), log.add, replicas, start)
    log.fitted(_errors_of_training(models, known, config))
    log.write()
    write_settings(settings, fn_args.model_run_dir)
    save(Ranker(models, graph.layer, known, config), fn_args.serving_model_dir)
    newest = int((final or choosing).sequences.items.timestamps.max(initial=0))
    split = fn_args.custom_config.get(SPLIT, "")
    write_weights(fn_args.serving_model_dir, [tables(model) for model in models], split, newest)


def _log(config: RankingConfig, epochs: int, folder: str) -> TrainingLog:
    return TrainingLog(
        RMSE,
        epochs=epochs,
        higher_is_better=False,
        models=config.seeds,
        lines=LINES,
        folder=folder,
        seed=config.seed,
    )


def _tell_average(log: TrainingLog, errors: Floats, models: int) -> None:
    log.tell()
    report_average(errors, models)


def _errors_of_training(models: list[RatingModel], known: KnownRatings, config: RankingConfig) -> dict[str, float]:
    """How far off the ratings are from which the models learned, of JUDGED_ROWS of them at most."""
    rows = known.rows.take(evenly_spread(len(known.rows), JUDGED_ROWS))
    return errors_of(predict(models, known, rows, config.batch_size) - rows.ratings)


def _eval_rows(files: Sequence[str], catalogue: Catalogue, users: Strings) -> RatingRows:
    """The eval rows, of users with training rows."""
    return of_known_users(held_out_rows(read_interactions(files, catalogue.item_ids), users), users)


def warm_config(config: RankingConfig, epochs: int, rows: int, new: int = 0) -> RankingConfig:
    """The settings of a training that starts from weights which are good already.

    Adam's first steps are as long as its step size whatever the slope, and a training anew on few rows sees all of them
    in one step, hundreds of times: five such steps throw the weights off and leave no time to come back (eval RMSE of
    the demo .778 before, 1.197 after the first). So steps are shorter and there are more of them an epoch.

    Args:
      config: Of a training anew.
      epochs: Most epochs.
      rows: Training rows.
      new: Those of them that the weights do not know; 0: which ones is unknown, and an epoch has all.
    """
    most = min(config.epoch_rows, max(WARM_ROWS, WARM_REPLAY * new)) if new else config.epoch_rows
    return dataclasses.replace(
        config,
        epochs=max(1, epochs),
        learning_rate=config.learning_rate * WARM_STEP,
        batch_size=min(config.batch_size, max(WARM_BATCH, min(rows, most) // WARM_STEPS)),
        epoch_rows=most,
    )


def of_known_users(rows: RatingRows, user_ids: Strings) -> RatingRows:
    """The rows of users with training rows; all rows where there are none of them.

    In a split by time most eval rows may be of people of whom nothing is known. A training that they
    stop has learned items and no tastes.
    """
    known = np.flatnonzero(rows.user_rows < len(user_ids))
    return rows.take(known) if len(known) else rows


def lay_out(config: RankingConfig, graph: TransformGraph, phase: Phase) -> tuple[ItemFeatures, KnownRatings]:
    """What the rating model reads of items and users in a phase."""
    items = item_features(graph, phase)
    known = known_ratings(
        phase.sequences,
        graph.index_users(phase.sequences.user_ids).astype(np.int32),
        items,
        known_users=graph.users,
        history_length=config.history_length,
        raters=config.raters,
        users=phase.users,
    )
    return items, known


def report_average(errors: Floats, models: int) -> None:
    """Says how far off the models' mean rating is on the eval rows: `[rows]` stars."""
    found = errors_of(errors)
    progress.report("%d models averaged  RMSE %.4f  MAE %.4f", models, found[RMSE], found[MAE])


def errors_of(errors: Floats) -> dict[str, float]:
    """Means of how far off ratings are, `[rows]` stars: their square, its root, and without a sign."""
    square = float(np.mean(errors**2))
    return {"MSE": square, RMSE: math.sqrt(square), MAE: float(np.mean(np.abs(errors)))}


def item_features(graph: TransformGraph, phase: Phase) -> ItemFeatures:
    """What the transform graph makes of the catalogue, as the rating model reads it."""
    return ItemFeatures(
        item_index=phase.items.index.astype(np.int32),
        known_items=graph.items,
        features=content_features(phase.content.blocks, phase.content.of(phase.items)),
    )
