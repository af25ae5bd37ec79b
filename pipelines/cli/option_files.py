"""The text files that options of tensorflow_model_server name: batching parameters, monitoring, TLS.

Their messages are not in the package `tensorflow-serving-api`, so they are declared here, field by field
as in tensorflow_serving/config and session_bundle_config.proto.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, text_format, wrappers_pb2
from google.protobuf.internal import builder

from serving.calls.batching import BatchingConfig
from serving.errors import InvalidRequestError
from serving.tls import Certificates

_PACKAGE = "recommender.options"
_Field = descriptor_pb2.FieldDescriptorProto
_INT64 = ".google.protobuf.Int64Value"
_TEXT = ".google.protobuf.StringValue"
_BOOL = ".google.protobuf.BoolValue"

_MESSAGES: dict[str, dict[str, tuple[int, Any]]] = {
    "BatchingParameters": {
        "max_batch_size": (1, _INT64),
        "batch_timeout_micros": (2, _INT64),
        "max_enqueued_batches": (3, _INT64),
        "num_batch_threads": (4, _INT64),
        "thread_pool_name": (5, _TEXT),
        "allowed_batch_sizes": (6, [_Field.TYPE_INT64]),
        "pad_variable_length_inputs": (7, _Field.TYPE_BOOL),
        "enable_large_batch_splitting": (8, _BOOL),
        "max_execution_batch_size": (9, _INT64),
    },
    "PrometheusConfig": {"enable": (1, _Field.TYPE_BOOL), "path": (2, _Field.TYPE_STRING)},
    "MonitoringConfig": {"prometheus_config": (1, f".{_PACKAGE}.PrometheusConfig")},
    "SSLConfig": {
        "server_key": (1, _Field.TYPE_STRING),
        "server_cert": (2, _Field.TYPE_STRING),
        "custom_ca": (3, _Field.TYPE_STRING),
        "client_verify": (4, _Field.TYPE_BOOL),
    },
}
_HONOURED = ("max_batch_size", "max_enqueued_batches", "num_batch_threads")


def read_batching(path: Path) -> tuple[BatchingConfig, list[str]]:
    """How requests are merged, and the parameters that have no meaning for a greedy batcher.

    Raises:
      InvalidRequestError: It is no BatchingParameters.
    """
    parameters = _read(path, "BatchingParameters")
    given = {field.name for field, _ in parameters.ListFields()}
    values = {name: getattr(parameters, name).value for name in _HONOURED if name in given}
    try:
        return BatchingConfig(**values), sorted(given - {*_HONOURED, "thread_pool_name"})
    except ValueError as error:
        raise InvalidRequestError(f"{path}: {error}") from None


def read_metrics_path(path: Path, default: str) -> str:
    """Address of the metrics by a MonitoringConfig; "" = none.

    Raises:
      InvalidRequestError: It is no MonitoringConfig.
    """
    prometheus = _read(path, "MonitoringConfig").prometheus_config
    return (str(prometheus.path) or default) if prometheus.enable else ""


def read_certificates(path: Path) -> Certificates:
    """The certificates of an SSLConfig.

    Raises:
      InvalidRequestError: It is no SSLConfig, or the server's key and certificate are not there or not a pair.
    """
    config = _read(path, "SSLConfig")
    if not (config.server_key and config.server_cert):
        raise InvalidRequestError(f"{path}: server_key and server_cert are needed")
    if config.client_verify and not config.custom_ca:
        raise InvalidRequestError(f"{path}: client_verify needs custom_ca, the authorities of clients")
    client_ca = config.custom_ca if config.client_verify else None
    certificates = Certificates(certificate=config.server_cert, key=config.server_key, client_ca=client_ca)
    try:
        certificates.check()
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{path}: {error.message}") from None
    return certificates


def _read(path: Path, name: str) -> Any:
    message = _TYPES[name]()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise InvalidRequestError(f"{path} is not a {name} in text format: {error}") from None
    return message


def _message_types() -> dict[str, Any]:
    """The classes of `_MESSAGES`, built as protoc's own modules build theirs, on any protobuf from 3.20 on."""
    file = descriptor_pb2.FileDescriptorProto(
        name="recommender/options.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],  # type: ignore[attr-defined]
    )
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for field, (number, kind) in fields.items():
            repeated = isinstance(kind, list)
            kind = kind[0] if repeated else kind
            declared.field.add(
                name=field,
                number=number,
                label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
                **({"type": _Field.TYPE_MESSAGE, "type_name": kind} if isinstance(kind, str) else {"type": kind}),
            )
    built = descriptor_pool.Default().AddSerializedFile(file.SerializeToString())  # type: ignore[no-untyped-call]
    types: dict[str, Any] = {}
    builder.BuildMessageAndEnumDescriptors(built, types)
    builder.BuildTopDescriptorsAndMessages(built, __name__, types)
    return types


_TYPES = _message_types()
