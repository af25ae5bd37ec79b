"""The one door to the data: the source that a configuration names."""

from __future__ import annotations

from components.ingestion.blocks import Source
from components.ingestion.config import DataConfig
from components.ingestion.demo_source import DemoSource
from components.ingestion.files import FilesSource
from components.ingestion.movielens import MovielensSource


def open_source(config: DataConfig) -> Source:
    """Opens the source that `config` names, reading no more than the head of its files.

    Raises:
      InputError: A file is missing, empty or damaged, or lacks a column that is needed.
    """
    if config.source == "files":
        return FilesSource(config)
    if config.source == "movielens":
        return MovielensSource(config)
    return DemoSource(config)
