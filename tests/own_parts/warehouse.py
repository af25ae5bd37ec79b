"""A source of somebody's own: a table of a database, which is read as Parquet."""

from __future__ import annotations

import dataclasses
import sqlite3
import tempfile
from pathlib import Path

import pandas as pd

from components.ingestion import fingerprint
from components.ingestion.files import FilesSource
from components.ingestion.sources import SourceKind

WAREHOUSE = SourceKind(opens="tests.own_parts.warehouse:Warehouse", parameters=("ratings",))


class Warehouse(FilesSource):
    """The table `ratings` of the SQLite file that `data.ratings` names."""

    def __init__(self, config):
        self._folder = tempfile.TemporaryDirectory(prefix="warehouse-")  # goes with this object
        self._database = config.ratings
        with sqlite3.connect(config.ratings) as database:
            rows = pd.read_sql("SELECT * FROM ratings", database)
        path = Path(self._folder.name) / "ratings.parquet"
        rows.to_parquet(path)
        super().__init__(dataclasses.replace(config, source="files", ratings=str(path)))

    def facts(self):
        return dataclasses.replace(super().facts(), name=f"warehouse {Path(self._database).name}")

    def fingerprint(self):
        return fingerprint.of_files([self._database])
