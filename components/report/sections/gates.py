"""The conditions of the blessing and their verdicts."""

from __future__ import annotations

from markupsafe import Markup

from components.evaluation import metric_names as names
from components.evaluation.results import Gate
from components.report.charts.interval import interval
from components.report.report import Report
from components.report.section import Section, section


def gates(report: Report) -> Section | None:
    """Each gate with its interval, verdict and sentence."""
    evaluation = report.evaluation
    if evaluation is None:
        return None
    return section(
        "gates",
        "Gates and verdicts",
        gates=[(gate, _drawn(gate)) for gate in evaluation.gates],
        blessed=evaluation.blessed,
    )


def _drawn(gate: Gate) -> Markup | None:
    if gate.value is None or gate.lower is None or gate.upper is None:
        return None
    line = 1.0 if gate.metric.endswith(names.ratio("")) else 0.0
    words = f"{gate.value:.4f}, 95 % interval from {gate.lower:.4f} to {gate.upper:.4f}, no difference at {line:g}"
    return interval(gate.value, gate.lower, gate.upper, line=line, passed=gate.passed, words=words)
