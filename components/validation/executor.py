"""Statistics of a sample where the data is large, and the gate behind the validators, which watches drift."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import apache_beam as beam
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.components.example_validator import executor as validator
from tfx.components.schema_gen import executor as schema_gen
from tfx.components.statistics_gen import executor as statistics_gen
from tfx.components.util import tfxio_utils
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components import artifacts, features
from components.example_artifacts import statistics_of
from components.validation import drift
from components.validation.anomalies import Finding, findings, stop_on_errors
from components.validation.kept_statistics import Reference, find_reference
from components.validation.sampling import in_sample, report_sampling, sample_rates

SAMPLE_ABOVE = "sample_above"
ANOMALIES = {"entities": "entities_anomalies", "sequences": "sequences_anomalies"}
SCHEMAS = {"entities": "entities_schema", "sequences": "sequences_schema"}
PUSH_DIRECTORY = "push_directory"
GATE = "gate"

_ROW_PROPERTIES = {
    features.ITEMS_SPLIT: artifacts.ITEMS,
    features.USERS_SPLIT: artifacts.USERS,
    features.SEQUENCES_SPLIT: artifacts.USERS,
}


class StatisticsExecutor(base_beam_executor.BaseBeamExecutor):
    """Computes statistics of every split, like TFX StatisticsGen's executor, from a sample where it is large.

    TFX samples whole batches after they are parsed; here rows are drawn before that. Frequent and
    distinct values are counted by sketches, in half the time of exact counts; a feature with a
    domain has far too few values for that to matter.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        examples = artifact_utils.get_single_instance(input_dict[standard_component_specs.EXAMPLES_KEY])
        statistics = artifact_utils.get_single_instance(output_dict[standard_component_specs.STATISTICS_KEY])
        rows = _rows(examples)
        rates = sample_rates(rows, exec_properties[SAMPLE_ABOVE])
        report_sampling(rows, rates)
        statistics.split_names = examples.split_names
        with self._make_beam_pipeline() as pipeline:
            for split in artifact_utils.decode_split_names(examples.split_names):
                _write_statistics(pipeline, examples, statistics, split, rates.get(split, 1.0))
        for split in rows:
            statistics.set_float_custom_property(artifacts.SAMPLE_RATES[split], rates.get(split, 1.0))


class GateExecutor(base_executor.BaseExecutor):
    """Stops the run on anomalies, which ExampleValidator only writes down, and warns of drift."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        found = [finding for data, key in ANOMALIES.items() for finding in _read(data, input_dict[key])]
        stop_on_errors(found)
        gate = artifact_utils.get_single_instance(output_dict[GATE])
        gate.value = json.dumps(
            {"warnings": [str(finding) for finding in found], "drift": _drift(input_dict, exec_properties)}
        )


def reference_of(input_dict: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> Reference | None:
    """The data that drift is measured from."""
    return find_reference(exec_properties[PUSH_DIRECTORY], statistics_of(_single(input_dict)))


def _single(input_dict: dict[str, list[Artifact]]) -> dict[str, Artifact]:
    return {key: artifact_utils.get_single_instance(given) for key, given in input_dict.items() if given}


def _drift(input_dict: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> dict[str, Any] | None:
    """The version whose data are compared with, and every distance; None where there is none."""
    reference = reference_of(input_dict, exec_properties)
    if reference is None:
        return None
    schemas = {data: _schema(input_dict[key]) for data, key in SCHEMAS.items()}
    found = drift.measure(statistics_of(_single(input_dict)), reference.statistics, schemas)
    drift.report(found, reference.version)
    features = [{**dataclasses.asdict(one), "is_above": one.is_above} for one in found]
    return {"version": reference.version, "features": features}


def _schema(schema: list[Artifact]) -> schema_pb2.Schema:
    text = io_utils.read_bytes_file(f"{artifact_utils.get_single_uri(schema)}/{schema_gen.DEFAULT_FILE_NAME}").decode()
    return text_format.Parse(text, schema_pb2.Schema())


def _write_statistics(pipeline: Any, examples: Artifact, statistics: Artifact, split: str, rate: float) -> None:
    tfxio = tfxio_utils.get_split_tfxio([examples], split, telemetry_descriptors=["RecommenderStatisticsGen"])
    path = f"{artifact_utils.get_split_uri([statistics], split)}/{statistics_gen.DEFAULT_FILE_NAME}"
    records = pipeline | f"Read[{split}]" >> tfxio.RawRecordBeamSource()
    if rate < 1:
        records |= f"Sample[{split}]" >> beam.Filter(in_sample, rate)
    _ = (
        records
        | f"Parse[{split}]" >> tfxio.RawRecordToRecordBatch()
        | f"Compute[{split}]" >> tfdv.GenerateStatistics(tfdv.StatsOptions(use_sketch_based_topk_uniques=True))
        | f"Write[{split}]" >> tfdv.WriteStatisticsToBinaryFile(path)
    )


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
