"""Drift: how far the data of a run are from those that the served version was trained on.

Distances are TFDV's: for texts the L-infinity distance, the largest difference of a value's share; for numbers the
Jensen–Shannon divergence of their histograms, in bits. Both lie between 0 and 1. The thresholds stand in the schema.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components import progress
from components.validation.kept_statistics import Split

MEASURES = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "largest difference of a share",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen–Shannon divergence",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureDrift:
    """The distance of one feature.

    Attributes:
      data: `entities` or `sequences`.
      split: Name of the split.
      feature: Name of the feature.
      measure: Which distance.
      distance: From 0, the same distribution, to 1.
      threshold: Above it, the feature has drifted.
    """

    data: str
    split: str
    feature: str
    measure: str
    distance: float
    threshold: float

    @property
    def is_above(self) -> bool:
        """Whether the feature has drifted."""
        return self.distance > self.threshold

    def __str__(self) -> str:
        place = f"{self.data}, split {self.split}, {self.feature}"
        return f"{place}: {self.measure} {self.distance:.3f}, above {self.threshold:g}"


def measure(
    own: Mapping[Split, bytes], reference: Mapping[Split, bytes], schemas: Mapping[str, schema_pb2.Schema]
) -> list[FeatureDrift]:
    """Distances of all features whose schema has a threshold, in the order of splits and features.

    A feature or a split that only one side has is left out: it has no distance.

    Args:
      own: Statistics of this run.
      reference: Those of the other data.
      schemas: By the name of the data.
    """
    found = []
    for data, split in sorted(set(own) & set(reference)):
        anomalies = tfdv.validate_statistics(
            _parsed(own[data, split]), schemas[data], previous_statistics=_parsed(reference[data, split])
        )
        found += [_drift(data, split, info) for info in anomalies.drift_skew_info if info.drift_measurements]
    return sorted(found, key=lambda one: (one.data, one.split, one.feature))


def report(found: list[FeatureDrift], version: int) -> None:
    """Warns of every feature that has drifted since a version's data."""
    for one in found:
        if one.is_above:
            progress.warn("drift since version %d: %s", version, one)


def _drift(data: str, split: str, info: anomalies_pb2.DriftSkewInfo) -> FeatureDrift:
    measured = info.drift_measurements[0]
    return FeatureDrift(
        data=data,
        split=split,
        feature=".".join(info.path.step),
        measure=MEASURES[measured.type],
        distance=measured.value,
        threshold=measured.threshold,
    )


def _parsed(content: bytes) -> Any:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(content)
