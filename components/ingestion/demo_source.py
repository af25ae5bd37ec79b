"""The source `demo`: generated ratings, written as CSV files and read back like anybody's own."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence

from components.feature_specs import FeatureSpec
from components.ingestion import demo, fingerprint
from components.ingestion.config import DataConfig
from components.ingestion.files import FilesSource
from components.ingestion.items import ItemRecords
from components.ingestion.source import SourceFacts, Understood
from components.ingestion.users import UserRecords
from components.ingestion.workspace import Workspace


class DemoSource:
    """Generated data; the files are made when rows are first asked for and go with this object."""

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self._generated: FilesSource | None = None

    def facts(self) -> SourceFacts:
        """Generated data are dated, and rated unless the configuration says otherwise."""
        return SourceFacts(
            name=f"demo (seed {self._config.demo_seed})",
            has_ratings=self._config.has_ratings != "false",
            has_timestamps=True,
        )

    def fingerprint(self) -> str:
        """sha256 over the generator's version and its arguments."""
        config = self._config
        return fingerprint.of_text(
            f"demo {demo.VERSION} {config.demo_users} {config.demo_items} {config.demo_ratings} {config.demo_seed}"
        )

    def load(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> Understood:
        """Reads the generated interactions."""
        return self._files().load(workspace, specs)

    def items(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> ItemRecords | None:
        """The generated catalogue."""
        return self._files().items(workspace, specs)

    def users(self, workspace: Workspace, specs: Sequence[FeatureSpec]) -> UserRecords | None:
        """Nothing: nobody generates a table of users."""
        return self._files().users(workspace, specs)

    def _files(self) -> FilesSource:
        if self._generated is None:
            folder = tempfile.mkdtemp(prefix="recommender-demo-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            config = self._config
            demo.write_demo(
                folder,
                users=config.demo_users,
                items=config.demo_items,
                ratings=config.demo_ratings,
                seed=config.demo_seed,
            )
            # Own column names and ranges belong to own files.
            self._generated = FilesSource(DataConfig(source="files", ratings=folder, has_ratings=config.has_ratings))
        return self._generated
