"""The places where a pipeline keeps what it makes: folders of this machine, or a bucket."""

from __future__ import annotations

import dataclasses

from pipelines.local_run.run_folder import RunFolder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """Where a pipeline keeps what it makes.

    Attributes:
      pipeline_root: Of the artifacts, `<pipeline_root>/<Component>/…`: a folder or the address of a bucket.
      pushed_model: Where versions are pushed: a folder, a mounted volume or the address of a bucket.
      metadata: SQLite file of executions and artifacts; None where the orchestrator keeps its own record.
    """

    pipeline_root: str
    pushed_model: str
    metadata: str | None = None


def places_of(folder: RunFolder) -> Places:
    """Those of a local run."""
    return Places(
        pipeline_root=str(folder.artifacts), pushed_model=str(folder.pushed_model), metadata=str(folder.metadata)
    )
