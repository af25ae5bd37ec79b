"""Anomalies in words: where, what was expected, what was found, and whether the run may go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components import progress
from components.errors import InputError

MAX_DOMAIN = 30  # values of a domain that are listed in a message


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as the schema says.

    Attributes:
      data: Which data: `entities` or `sequences`.
      split: Name of the split.
      feature: Name of the feature; empty where the split as a whole is meant.
      expected: What the schema asks for.
      found: What the statistics show instead.
      is_error: Whether the run must stop; else it is a warning.
    """

    data: str
    split: str
    feature: str
    expected: str
    found: str
    is_error: bool

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.data, f"split {self.split}", self.feature) if part)
        return f"{place}: expected {self.expected}; found: {self.found}"


def findings(anomalies: anomalies_pb2.Anomalies, *, data: str, split: str) -> list[Finding]:
    """All anomalies of one split, ordered by feature, those of the split as a whole first.

    Args:
      anomalies: What ExampleValidator found; its `baseline` is the schema.
      data: Name of the data in the messages.
      split: Name of the split.
    """
    found = []
    if anomalies.HasField("dataset_anomaly_info"):
        found.append(_finding(anomalies.dataset_anomaly_info, "", "rows", data, split))
    for name, info in sorted(anomalies.anomaly_info.items()):
        found.append(_finding(info, name, _expectation(name, anomalies.baseline), data, split))
    return found


def stop_on_errors(found: Sequence[Finding]) -> None:
    """Announces warnings, and raises an InputError that lists every error.

    Raises:
      InputError: At least one finding is an error.
    """
    for finding in found:
        if not finding.is_error:
            progress.warn("%s", finding)
    errors = [finding for finding in found if finding.is_error]
    if errors:
        raise InputError(
            "the data is not as its schema says:\n" + "\n".join(f"  - {finding}" for finding in errors),
            action="correct the data; ranges of ratings are set with data.rating_min and data.rating_max",
        )


def _finding(info: anomalies_pb2.AnomalyInfo, feature: str, expected: str, data: str, split: str) -> Finding:
    return Finding(
        data=data,
        split=split,
        feature=feature,
        expected=expected,
        found=_found(info),
        is_error=info.severity == anomalies_pb2.AnomalyInfo.ERROR,
    )


def _found(info: anomalies_pb2.AnomalyInfo) -> str:
    reasons = [(reason.short_description, reason.description) for reason in info.reason]
    reasons = reasons or [(info.short_description, info.description)]
    return "; ".join(f"{short} ({long.rstrip('. ')})" if long else short for short, long in reasons)


def _expectation(name: str, schema: schema_pb2.Schema) -> str:
    feature = next((feature for feature in schema.feature if feature.name == name), None)
    if feature is None:
        return "no such feature"
    parts = [_type(feature), _range(feature), _values(feature, schema), _presence(feature)]
    return ", ".join(part for part in parts if part)


def _type(feature: schema_pb2.Feature) -> str:
    kind = schema_pb2.FeatureType.Name(feature.type)
    return f"one {kind}" if feature.HasField("shape") else f"any number of {kind}"


def _range(feature: schema_pb2.Feature) -> str:
    domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
    if domain.HasField("min") and domain.HasField("max"):
        return f"from {domain.min:g} to {domain.max:g}"
    if domain.HasField("min"):
        return f"at least {domain.min:g}"
    return f"at most {domain.max:g}" if domain.HasField("max") else ""


def _values(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> str:
    domains: Iterable[schema_pb2.StringDomain] = schema.string_domain
    values = [value for domain in domains if domain.name == feature.domain for value in domain.value]
    more = ", …" if len(values) > MAX_DOMAIN else ""
    return f"out of {', '.join(values[:MAX_DOMAIN])}{more}" if values else ""


def _presence(feature: schema_pb2.Feature) -> str:
    return "in every row" if feature.presence.min_fraction == 1.0 else ""
