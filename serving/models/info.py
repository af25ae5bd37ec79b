"""What a server tells about its models: state and signatures, as protos and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.errors import InvalidRequestError
from serving.models.registry import VersionReport
from serving.models.servable import Servable

SIGNATURE_DEF = "signature_def"


def status_response(statuses: Iterable[VersionReport]) -> Any:
    """A GetModelStatusResponse."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        response.model_version_status.add(
            version=status.version,
            state=status.state.value,
            status={"error_code": status.status.number, "error_message": status.message},
        )
    return response


def status_json(statuses: Iterable[VersionReport]) -> bytes:
    """The same for REST."""
    answer = [
        {
            "version": str(status.version),
            "state": status.state.name,
            "status": {"error_code": status.status.name, "error_message": status.message},
        }
        for status in statuses
    ]
    return json.dumps({"model_version_status": answer}, indent=1).encode()


def metadata_response(servable: Servable, fields: Iterable[str]) -> Any:
    """A GetModelMetadataResponse.

    Raises:
      InvalidRequestError: Something else than the signatures is asked for, or nothing.
    """
    asked = list(fields)
    if not asked:
        raise InvalidRequestError("GetModelMetadataRequest must specify at least one metadata_field")
    for field in asked:
        if field != SIGNATURE_DEF:
            raise InvalidRequestError(f"Metadata field {field} is not supported")
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = servable.name
    response.model_spec.version.value = servable.version
    response.metadata[SIGNATURE_DEF].Pack(_signature_map(servable))
    return response


def metadata_json(servable: Servable) -> bytes:
    """The same for REST."""
    spec = {"name": servable.name, "signature_name": "", "version": str(servable.version)}
    signatures = {key: _signature_json(definition) for key, definition in servable.signature_defs.items()}
    metadata = {SIGNATURE_DEF: {SIGNATURE_DEF: signatures}}
    return json.dumps({"model_spec": spec, "metadata": metadata}, indent=1).encode()


def _signature_json(definition: Any) -> dict[str, Any]:
    """A SignatureDef with its default values; which option of protobuf writes them depends on its version."""
    return {
        "inputs": {alias: _tensor_json(info) for alias, info in definition.inputs.items()},
        "outputs": {alias: _tensor_json(info) for alias, info in definition.outputs.items()},
        "method_name": definition.method_name,
        "defaults": {alias: _json(value) for alias, value in definition.defaults.items()},
    }


def _tensor_json(info: Any) -> dict[str, Any]:
    answer = _json(info) | {"dtype": types_pb2.DataType.Name(info.dtype)}
    if info.HasField("tensor_shape"):
        dimensions = [{"size": str(one.size), "name": one.name} for one in info.tensor_shape.dim]
        answer["tensor_shape"] = {"dim": dimensions, "unknown_rank": info.tensor_shape.unknown_rank}
    return answer


def _json(message: Any) -> dict[str, Any]:
    return dict(json_format.MessageToDict(message, preserving_proto_field_name=True))


def _signature_map(servable: Servable) -> Any:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for key, definition in servable.signature_defs.items():
        signatures.signature_def[key].CopyFrom(definition)
    return signatures
