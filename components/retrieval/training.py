"""`run_fn` of the RetrievalTrainer: from the artifacts of earlier stages to a SavedModel."""

from __future__ import annotations

from typing import Any

from components.examples import Catalogue, read_catalogue, read_marked_rows, read_sequences
from components.retrieval.config import RetrievalConfig
from components.retrieval.content import catalogue_items, item_content
from components.retrieval.export import RetrievalExport
from components.retrieval.fitting import METRIC, TrainingData, fit
from components.settings import from_json
from components.training.training_log import TrainingLog
from components.transform.graph import TransformGraph


def run_fn(fn_args: Any) -> None:
    """Trains and exports the retrieval model.

    Args:
      fn_args: TFX's FnArgs; `custom_config` holds `config` (RetrievalConfig as JSON) and file
        patterns of `movies` and `sequences`.
    """
    config = from_json(RetrievalConfig, fn_args.custom_config["config"])
    graph = TransformGraph(fn_args.transform_output)
    catalogue = read_catalogue(fn_args.custom_config["movies"])
    data = training_data(config, graph, catalogue, fn_args.custom_config["sequences"], fn_args.eval_files)
    log = TrainingLog(METRIC, epochs=config.epochs, higher_is_better=True, models=config.seeds)
    models = [fit(config, data, config.seed + number, log, number + 1) for number in range(config.seeds)]
    RetrievalExport(models, data.content, graph, config.history_length).save(fn_args.serving_model_dir)
    log.write(fn_args.model_run_dir)


def training_data(
    config: RetrievalConfig,
    graph: TransformGraph,
    catalogue: Catalogue,
    sequence_patterns: list[str],
    eval_patterns: list[str],
) -> TrainingData:
    """Puts together what the model is trained on."""
    movies = graph.catalogue_features(catalogue)
    frequencies = graph.movie_frequencies()
    content = item_content(movies.title_word_indices, frequencies, graph.vocabulary_sizes, config.min_ratings)
    return TrainingData(
        content=content,
        items=catalogue_items(content, movies),
        counts=frequencies[movies.movie_index],
        sequences=read_sequences(sequence_patterns, catalogue.movie_ids).movies,
        marked=read_marked_rows(eval_patterns, catalogue.movie_ids),
    )
