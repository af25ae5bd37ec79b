"""Statistics of a sample where the data is large, and the gate behind the validators."""

from __future__ import annotations

import json
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator import executor as validator
from tfx.components.statistics_gen import executor as statistics_gen
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components import artifacts, features
from components.validation.anomalies import Finding, findings, stop_on_errors
from components.validation.sampling import report_sampling, sample_rates

SAMPLE_ABOVE = "sample_above"
MOVIES = "movies"
RATINGS = "ratings"
GATE = "gate"

_ROW_PROPERTIES = {**artifacts.ROWS, features.CATALOGUE_SPLIT: artifacts.CATALOGUE_ROWS}


class StatisticsExecutor(statistics_gen.Executor):
    """TFX StatisticsGen's executor: chooses the sample rate of each split by the split's size."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        examples = artifact_utils.get_single_instance(input_dict[standard_component_specs.EXAMPLES_KEY])
        rows = _rows(examples)
        rates = sample_rates(rows, exec_properties[SAMPLE_ABOVE])
        report_sampling(rows, rates)
        properties = {**exec_properties, standard_component_specs.SAMPLE_RATE_BY_SPLIT_KEY: json.dumps(rates)}
        super().Do(input_dict, output_dict, properties)
        statistics = artifact_utils.get_single_instance(output_dict[standard_component_specs.STATISTICS_KEY])
        for split in rows:
            statistics.set_float_custom_property(artifacts.SAMPLE_RATES[split], rates.get(split, 1.0))


class GateExecutor(base_executor.BaseExecutor):
    """Stops the run on anomalies of error severity, which ExampleValidator only writes down."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        found = [finding for data in (MOVIES, RATINGS) for finding in _read(data, input_dict[data])]
        stop_on_errors(found)
        gate = artifact_utils.get_single_instance(output_dict[GATE])
        gate.value = json.dumps({"warnings": [str(finding) for finding in found]})


def _rows(examples: Artifact) -> dict[str, int]:
    """Rows of each split, as far as ingestion has counted them."""
    return {
        split: examples.get_int_custom_property(_ROW_PROPERTIES[split])
        for split in artifact_utils.decode_split_names(examples.split_names)
        if split in _ROW_PROPERTIES and examples.has_custom_property(_ROW_PROPERTIES[split])
    }


def _read(data: str, anomalies: list[Artifact]) -> list[Finding]:
    artifact = artifact_utils.get_single_instance(anomalies)
    found: list[Finding] = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        path = f"{artifact_utils.get_split_uri([artifact], split)}/{validator.DEFAULT_FILE_NAME}"
        proto = anomalies_pb2.Anomalies()
        proto.ParseFromString(io_utils.read_bytes_file(path))
        found += findings(proto, data=data, split=split)
    return found
