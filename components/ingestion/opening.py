"""The one door to the data: the source that a configuration names."""

from __future__ import annotations

from components.by_path import imported
from components.ingestion.config import DataConfig
from components.ingestion.source import Source, SourceFacts
from components.ingestion.sources import find_source


def open_source(config: DataConfig) -> Source:
    """Opens the source that `config` names, reading no more than the head of its files.

    Raises:
      InputError: A file is missing, empty or damaged, or lacks a column that is needed.
    """
    source: Source = imported(find_source(config.source).opens)(config)
    return source


def declared_facts(config: DataConfig) -> SourceFacts:
    """What the settings alone tell of data that only the pipeline's own stages can reach.

    Data of one's own count as rated unless `has_ratings` is false, and as dated; which it really is, each
    stage sees for itself.
    """
    return SourceFacts(
        name=config.ratings or config.source,
        has_ratings=config.has_ratings != "false",
        has_timestamps=True,
        presplit=bool(config.eval_ratings and config.test_ratings),
    )
