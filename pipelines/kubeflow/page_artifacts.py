"""What Kubeflow's own page shows of a run: its report and its figures, as artifacts of Kubeflow's own types.

TFX has no words for them. They are written into the compiled pipeline as further outputs of the step RunReport, and the
entry point fills them from what that step has written.
"""

from __future__ import annotations

import json
import math
from typing import Any

from components.artifacts import REPORT_FACTS, REPORT_PAGE
from components.storage import storage_for

STEP, REPORT = "RunReport", "report"
PAGE, METRICS = "page", "metrics"
TYPES = {PAGE: "system.HTML", METRICS: "system.Metrics"}


def add_to(spec: dict[str, Any]) -> None:
    """Declares the artifacts in a PipelineSpec; nothing in one without a report."""
    component = spec["components"].get(STEP)
    if component is not None:
        for key, kind in TYPES.items():
            artifact_type = {"schemaTitle": kind, "schemaVersion": "0.0.1"}
            component["outputDefinitions"]["artifacts"][key] = {"artifactType": artifact_type}


def fill(uris: dict[str, str], report: str) -> dict[str, Any]:
    """Writes the artifacts.

    Args:
      uris: Where each of them goes, by its key.
      report: The folder that RunReport has written.

    Returns:
      Their entries in the output file; of the metrics, the numbers are there and in the file.
    """
    storage = storage_for(report)
    facts = json.loads(b"".join(storage.read(f"{report}/{REPORT_FACTS}")))
    metrics = _metrics(facts["evaluation"])
    contents = {PAGE: storage.read(f"{report}/{REPORT_PAGE}"), METRICS: [json.dumps(metrics).encode()]}
    metadata = {PAGE: {}, METRICS: metrics}
    for key, uri in uris.items():
        storage_for(uri).write(uri, contents[key])
    return {key: {"artifacts": [{"name": key, "uri": uri, "metadata": metadata[key]}]} for key, uri in uris.items()}


def _metrics(evaluation: dict[str, Any] | None) -> dict[str, float]:
    """The figures of the judged bundle, and whether it was blessed, as numbers; none where nothing was judged."""
    if evaluation is None:
        return {}
    figures = {name: one["model"] for name, one in evaluation["overall"].items()}
    known = {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}
    return {"blessed": float(evaluation["blessed"]), **known}
